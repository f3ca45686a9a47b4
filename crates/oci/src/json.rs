//! Parsing untrusted JSON: bounded depth, no duplicate keys, no keys that other readers take for another.

use std::collections::BTreeSet;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Maximum nesting depth of arrays and objects.
pub const MAX_DEPTH: usize = 64;

/// Why bytes are refused as a JSON document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON, or not of the expected shape.
    #[error("not a valid document: {0}")]
    Json(#[from] serde_json::Error),
    /// Deeper than [`MAX_DEPTH`].
    #[error("nested more than {MAX_DEPTH} levels deep")]
    Depth,
}

/// Checks that `bytes` are JSON, at most [`MAX_DEPTH`] deep, without duplicate keys, and, for a manifest, without keys
/// such as `Layers`: two readers that disagree on which key counts would disagree on the document's meaning.
pub(crate) fn check(bytes: &[u8]) -> Result<(), DocumentError> {
    if depth(bytes) > MAX_DEPTH {
        return Err(DocumentError::Depth);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    CheckedValue(JsonPosition::Manifest).deserialize(&mut reader)?;
    Ok(reader.end()?)
}

/// Position of a value in a manifest; it determines the meaning of an object's keys.
#[derive(Clone, Copy)]
enum JsonPosition {
    /// The document itself.
    Manifest,
    /// A descriptor, or a list of them.
    Descriptor,
    /// Anywhere else, where keys are free: annotations distinguish `a` from `A`.
    Elsewhere,
}

impl JsonPosition {
    /// The keys with a meaning at this position (image-spec, manifest.md, image-index.md and descriptor.md).
    const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Manifest => &[
                "schemaVersion",
                "mediaType",
                "artifactType",
                "config",
                "layers",
                "blobs",
                "manifests",
                "subject",
                "annotations",
            ],
            Self::Descriptor => {
                &["mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"]
            }
            Self::Elsewhere => &[],
        }
    }

    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Manifest, "config" | "layers" | "blobs" | "manifests" | "subject") => Self::Descriptor,
            _ => Self::Elsewhere,
        }
    }

    /// The known key for which readers written in Go, as nearly all clients are, would take `key`: they ignore case,
    /// and two non-ASCII letters count as the letters they fold to.
    fn taken_for(self, key: &str) -> Option<&'static str> {
        let fold = |letter| match letter {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            other => other.to_ascii_lowercase(),
        };
        let is_taken = |known: &&str| *known != key && known.chars().map(fold).eq(key.chars().map(fold));
        self.keys().iter().find(|known| is_taken(known)).copied()
    }
}

// Counts brackets outside strings before any recursive parser sees the bytes.
fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut most, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// Accepts any JSON value that passes the check, and discards it.
struct CheckedValue(JsonPosition);

impl<'de> DeserializeSeed<'de> for CheckedValue {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CheckedValue {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Self(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(Self(self.0.below(&key)))?;
            if let Some(known) = self.0.taken_for(&key) {
                return Err(de::Error::custom(format_args!("some would take the key `{key}` for `{known}`")));
            }
            if seen.contains(&key) {
                return Err(de::Error::custom(format_args!("the key `{key}` is there twice")));
            }
            seen.insert(key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_depth_and_repeats() {
        assert!(check(br#"{"a":[1,2.5,"x",null,true],"b":{}}"#).is_ok());
        assert!(matches!(check("[".repeat(200_000).as_bytes()), Err(DocumentError::Depth)));
        assert!(check(br#"{"a":1,"a":2}"#).unwrap_err().to_string().contains("`a` is there twice"));
        assert!(check(br#"{"x":{"a":1,"a":2}}"#).is_err());
        assert!(check(br#"{"s":"[[[\"[["}"#).is_ok());
        assert!(check(b"\xef\xbb\xbf{}").is_err());
        assert!(check(b"NaN").is_err());
        assert!(check(b"{} {}").is_err());
    }

    #[test]
    fn refuses_keys_that_others_take_for_known_ones() {
        for (document, known) in [
            (r#"{"layers":[],"Layers":[]}"#, "layers"),
            (r#"{"config":{},"MANIFESTS":[]}"#, "manifests"),
            ("{\"manife\u{17f}t\u{17f}\":[]}", "manifests"),
            (r#"{"bloB\u017f":[]}"#, "blobs"),
            (r#"{"manifests":[{"digest":"x","Digest":"y"}]}"#, "digest"),
            (r#"{"subject":{"Size":1}}"#, "size"),
        ] {
            let message = check(document.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(&format!("for `{known}`")), "{document}: {message}");
        }
        // Free keys may differ by case only, and so may keys at another level.
        for document in [
            r#"{"annotations":{"a":"1","A":"2","Layers":"3"}}"#,
            r#"{"config":{"annotations":{"Digest":"x"},"platform":{"Size":1}}}"#,
            r#"{"x":{"Layers":[]},"Name":"a","name":"b"}"#,
        ] {
            assert!(check(document.as_bytes()).is_ok(), "{document}");
        }
    }
}
