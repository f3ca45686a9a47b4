//! YAML, of which JSON is a part, with its scalars as they were written: as numbers, `3.10` and `0123` would change.
//!
//! - [`parse`] gives a [`YamlNode`]; each reader makes values of its own from it.
//! - [`scalar`] writes one, quoted where that is needed.

#![forbid(unsafe_code)]

mod scalar;

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::Spanned;
pub use serde_saphyr::{Error, Location};

pub use crate::scalar::{Context, quoted, scalar};

/// A value and where it is.
#[derive(Debug)]
pub struct YamlNode {
    /// Where it was written; for an alias, where the alias is.
    pub location: Location,
    /// The value.
    pub value: YamlValue,
}

/// A value as written.
#[derive(Debug)]
pub enum YamlValue {
    /// Empty.
    Nothing,
    /// An unquoted scalar that YAML reads as a number or a boolean, as it was written.
    Plain(String),
    /// Any other scalar.
    Text(String),
    /// A list.
    List(Vec<YamlNode>),
    /// A mapping, in the order of the file.
    Map(Vec<YamlEntry>),
}

/// A key with its value.
#[derive(Debug)]
pub struct YamlEntry {
    /// The key.
    pub key: String,
    /// Where the key is.
    pub location: Location,
    /// The value.
    pub node: YamlNode,
}

/// Parses a document; `None` if it is empty.
///
/// # Errors
/// It is not YAML, has a key twice, or is more than one document.
pub fn parse(text: &str) -> Result<Option<YamlNode>, Error> {
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let raw = serde_saphyr::from_str_with_options::<Option<Spanned<Raw>>>(text, options)?;
    Ok(raw.map(|raw| YamlNode::of(raw, text)))
}

impl YamlNode {
    fn of(raw: Spanned<Raw>, text: &str) -> Self {
        let value = match raw.value {
            Raw::Nothing => YamlValue::Nothing,
            Raw::Scalar(read) => YamlValue::Plain(written(raw.defined, text).unwrap_or(read)),
            Raw::Text(text) => YamlValue::Text(text),
            Raw::List(items) => YamlValue::List(items.into_iter().map(|item| Self::of(item, text)).collect()),
            Raw::Map(entries) => YamlValue::Map(
                entries
                    .into_iter()
                    .map(|(key, node)| YamlEntry {
                        location: key.referenced,
                        key: key.value,
                        node: Self::of(node, text),
                    })
                    .collect(),
            ),
        };
        Self { location: raw.referenced, value }
    }
}

fn written(location: Location, text: &str) -> Option<String> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
    text.get(start..end).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

enum Raw {
    Nothing,
    Scalar(String),
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_stay_as_they_were_written() {
        let node = parse("a: [3.10, 010, true, yes, 'x']\n").unwrap().unwrap();
        let YamlValue::Map(entries) = node.value else { panic!("a mapping") };
        let YamlValue::List(items) = &entries[0].node.value else { panic!("a list") };
        let texts: Vec<_> = items
            .iter()
            .map(|item| match &item.value {
                YamlValue::Plain(text) | YamlValue::Text(text) => text.as_str(),
                _ => "",
            })
            .collect();
        assert_eq!(texts, ["3.10", "010", "true", "yes", "x"]);
        assert!(
            matches!(items[0].value, YamlValue::Plain(_)) && matches!(items[4].value, YamlValue::Text(_))
        );
        assert!(parse("").unwrap().is_none());
    }
}
