//! A foreign file as written. Scalars stay the text they are: as numbers, the tags `3.10` and `010` would change.

/// A value of YAML or JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ForeignValue {
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
pub(crate) type Entries = Vec<(String, ForeignValue)>;

impl ForeignValue {
    /// Parses YAML, of which JSON is a part.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match entrepot_yaml::parse(text) {
            Ok(node) => Ok(node.map_or(Self::Nothing, Self::from)),
            Err(error) => Err(error.without_snippet().to_string()),
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
pub(crate) fn get<'v>(entries: &'v [(String, ForeignValue)], key: &str) -> Option<&'v ForeignValue> {
    entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

impl From<entrepot_yaml::YamlNode> for ForeignValue {
    fn from(node: entrepot_yaml::YamlNode) -> Self {
        use entrepot_yaml::YamlValue;
        match node.value {
            YamlValue::Nothing => Self::Nothing,
            YamlValue::Plain(text) | YamlValue::Text(text) => Self::Text(text),
            YamlValue::List(items) => Self::List(items.into_iter().map(Self::from).collect()),
            YamlValue::Map(entries) => {
                Self::Map(entries.into_iter().map(|entry| (entry.key, entry.node.into())).collect())
            }
        }
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
        let value = ForeignValue::parse(&text).unwrap();
        assert_eq!(value.get("a").unwrap().texts().unwrap(), tags);
        assert_eq!(value.get("b").unwrap().texts().unwrap(), tags);
        let json = ForeignValue::parse("{\n\t\"a\": [\"3.10\", 3.10, null],\n\t\"b\": {}\n}").unwrap();
        let items = json.get("a").unwrap().items();
        assert_eq!(
            (items[0].text(), items[1].text(), &items[2]),
            (Some("3.10"), Some("3.10"), &ForeignValue::Nothing)
        );
    }

    #[test]
    fn merged_keys_and_anchors_count() {
        let value = ForeignValue::parse("a: &a {x: 3.10}\nb:\n  <<: *a\n  y: *a\n").unwrap();
        let b = value.get("b").unwrap();
        assert_eq!(b.get("x").and_then(ForeignValue::text), Some("3.10"));
        assert_eq!(b.get("y").and_then(|y| y.get("x")).and_then(ForeignValue::text), Some("3.10"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(ForeignValue::parse("a: 1\na: 2\n").unwrap_err().contains('a'));
        assert_eq!(ForeignValue::parse("").unwrap(), ForeignValue::Nothing);
    }
}
