//! Reading untrusted JSON: bounded depth, no key twice.

use std::collections::BTreeSet;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 64;

/// Why bytes are not a JSON document that we take.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON, or not of the expected shape.
    #[error("not a valid document: {0}")]
    Json(#[from] serde_json::Error),
    /// Deeper than [`MAX_DEPTH`].
    #[error("nested more than {MAX_DEPTH} levels deep")]
    Depth,
}

/// Checks that `bytes` are JSON, at most [`MAX_DEPTH`] deep and without repeated keys: two readers that disagree
/// on which of two equal keys counts would disagree on what the document says.
pub(crate) fn check(bytes: &[u8]) -> Result<(), DocumentError> {
    if depth(bytes) > MAX_DEPTH {
        return Err(DocumentError::Depth);
    }
    serde_json::from_slice::<Unique>(bytes)?;
    Ok(())
}

// Counts brackets outside strings, before any recursive parser sees the bytes.
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

/// Any JSON value whose objects have no key twice; the value itself is not kept.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Unique, A::Error> {
        while seq.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<Unique>()?;
            if seen.contains(&key) {
                return Err(de::Error::custom(format_args!("the key `{key}` is there twice")));
            }
            seen.insert(key);
        }
        Ok(Unique)
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
    }
}
