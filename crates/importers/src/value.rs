//! A foreign file as written. Scalars stay the text they are: as numbers, the tags `3.10` and `010` would change.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned};

/// A value of YAML or JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Empty.
    Nothing,
    /// A scalar of any type, as written.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// Keys with their values, in the order of the file.
    Map(Entries),
}

/// Keys with their values.
pub(crate) type Entries = Vec<(String, Value)>;

impl Value {
    /// Parses YAML, of which JSON is a part.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let options = serde_saphyr::options! { with_snippet: false };
        match serde_saphyr::from_str_with_options::<Option<Spanned<Raw>>>(text, options) {
            Ok(raw) => Ok(raw.map_or(Self::Nothing, |raw| Self::of(raw, text))),
            Err(error) => Err(error.without_snippet().to_string()),
        }
    }

    fn of(raw: Spanned<Raw>, text: &str) -> Self {
        match raw.value {
            Raw::Nothing => Self::Nothing,
            Raw::Scalar(read) => Self::Text(written(raw.defined, text).unwrap_or(read)),
            Raw::Text(text) => Self::Text(text),
            Raw::List(items) => Self::List(items.into_iter().map(|item| Self::of(item, text)).collect()),
            Raw::Map(entries) => {
                Self::Map(entries.into_iter().map(|(key, value)| (key, Self::of(value, text))).collect())
            }
        }
    }

    /// The value under `key`, if this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        get(self.entries(), key)
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries; none if this is not a map.
    pub(crate) fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items; none if this is not a list.
    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// A text, or a list of nothing but texts; `None` for anything else.
    pub(crate) fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::Nothing => Some(Vec::new()),
            Self::Text(text) => Some(vec![text]),
            Self::List(items) => items.iter().map(Self::text).collect(),
            Self::Map(_) => None,
        }
    }
}

/// The value under `key`.
pub(crate) fn get<'v>(entries: &'v [(String, Value)], key: &str) -> Option<&'v Value> {
    entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
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
    Map(Vec<(String, Spanned<Self>)>),
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

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_stay_the_text_they_are() {
        let tags = ["3.10", "1.20", "010", "1e3", "1_000", "0x10", "yes", "true", "~x", "2026-01-02"];
        let text =
            format!("a: [{}]\nb:\n{}", tags.join(", "), tags.map(|tag| format!("  - {tag}\n")).concat());
        let value = Value::parse(&text).unwrap();
        assert_eq!(value.get("a").unwrap().texts().unwrap(), tags);
        assert_eq!(value.get("b").unwrap().texts().unwrap(), tags);
        let json = Value::parse("{\n\t\"a\": [\"3.10\", 3.10, null],\n\t\"b\": {}\n}").unwrap();
        let items = json.get("a").unwrap().items();
        assert_eq!(
            (items[0].text(), items[1].text(), &items[2]),
            (Some("3.10"), Some("3.10"), &Value::Nothing)
        );
    }

    #[test]
    fn merged_keys_and_anchors_count() {
        let value = Value::parse("a: &a {x: 3.10}\nb:\n  <<: *a\n  y: *a\n").unwrap();
        let b = value.get("b").unwrap();
        assert_eq!(b.get("x").and_then(Value::text), Some("3.10"));
        assert_eq!(b.get("y").and_then(|y| y.get("x")).and_then(Value::text), Some("3.10"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(Value::parse("a: 1\na: 2\n").unwrap_err().contains('a'));
        assert_eq!(Value::parse("").unwrap(), Value::Nothing);
    }
}
