//! The configuration as written: values with their places.
//!
//! [`ConfigNode`] is a value with its [`SourceLocation`]. YAML text is parsed here, `overlay` adds to it, `typed` deserializes it.
//! Unquoted scalars are kept as written, since only the target type decides what they are.

use super::{error::Error, place::SourceLocation};

/// A value and the place where it was written.
#[derive(Clone, Debug)]
pub(crate) struct ConfigNode {
    /// The place.
    pub(crate) location: SourceLocation,
    /// The value.
    pub(crate) value: ConfigValue,
}

/// A value as written.
#[derive(Clone, Debug)]
pub(crate) enum ConfigValue {
    /// Empty; treated as not written.
    Nothing,
    /// An unquoted scalar that could be a number or a boolean, but may be meant as text.
    Plain(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<ConfigNode>),
    /// A mapping.
    Map(Vec<ConfigEntry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct ConfigEntry {
    /// The key.
    pub(crate) key: String,
    /// The place of the key.
    pub(crate) location: SourceLocation,
    /// The value.
    pub(crate) node: ConfigNode,
}

impl ConfigNode {
    /// An empty node.
    pub(crate) fn empty() -> Self {
        Self { location: SourceLocation::Nowhere, value: ConfigValue::Nothing }
    }

    /// Parses YAML.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        match entrepot_yaml::parse(text) {
            Ok(node) => Ok(node.map_or_else(Self::empty, Self::from)),
            Err(error) => Err(not_yaml(&error)),
        }
    }

    /// The value under `key`, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The value under `key`, mutable.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.value {
            ConfigValue::Map(entries) => {
                entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.node)
            }
            _ => None,
        }
    }

    /// The value at a path of keys and, for lists, positions; mutable.
    pub(crate) fn at_mut(&mut self, path: &[String]) -> Option<&mut Self> {
        path.iter().try_fold(self, |node, step| match &mut node.value {
            ConfigValue::List(items) => items.get_mut(step.parse::<usize>().ok()?),
            ConfigValue::Map(entries) => {
                entries.iter_mut().find(|entry| entry.key == *step).map(|entry| &mut entry.node)
            }
            _ => None,
        })
    }

    /// The value at a path of keys and, for lists, positions.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, step| match &node.value {
            ConfigValue::List(items) => items.get(step.parse::<usize>().ok()?),
            _ => node.get(step),
        })
    }

    /// The entries; none if this is not a mapping.
    pub(crate) fn entries(&self) -> &[ConfigEntry] {
        match &self.value {
            ConfigValue::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items; none if this is not a list.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            ConfigValue::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            ConfigValue::Plain(text) | ConfigValue::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<entrepot_yaml::YamlNode> for ConfigNode {
    fn from(node: entrepot_yaml::YamlNode) -> Self {
        let value = match node.value {
            entrepot_yaml::YamlValue::Nothing => ConfigValue::Nothing,
            // `0123` and `1_000` are numbers in YAML, but a password may be `0123`.
            entrepot_yaml::YamlValue::Plain(text) => ConfigValue::Plain(text),
            entrepot_yaml::YamlValue::Text(text) => ConfigValue::Text(text),
            entrepot_yaml::YamlValue::List(items) => {
                ConfigValue::List(items.into_iter().map(Self::from).collect())
            }
            entrepot_yaml::YamlValue::Map(entries) => {
                ConfigValue::Map(entries.into_iter().map(ConfigEntry::from).collect())
            }
        };
        Self { location: SourceLocation::from(node.location), value }
    }
}

impl From<entrepot_yaml::YamlEntry> for ConfigEntry {
    fn from(entry: entrepot_yaml::YamlEntry) -> Self {
        Self { key: entry.key, location: SourceLocation::from(entry.location), node: entry.node.into() }
    }
}

fn not_yaml(error: &entrepot_yaml::Error) -> Error {
    let place = error.location().map_or(SourceLocation::Nowhere, SourceLocation::from);
    match error.without_snippet() {
        entrepot_yaml::Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("?");
            Error::at(&place, format!("key `{key}` is there twice")).with_hint("put both into one")
        }
        entrepot_yaml::Error::MultipleDocuments { .. } => Error::at(&place, "a second document begins here")
            .with_hint("a configuration is one document: remove the `---`"),
        other => {
            let text = other.to_string();
            // The place is printed separately.
            let what = text.split(" at line ").next().unwrap_or_default().lines().next().unwrap_or_default();
            Error::at(&place, format!("not YAML: {what}")).with_hint(
                "indent with spaces, and put quotes around text that has `: `, `#`, `{` or `[` in it",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_where_things_stand() {
        let node = ConfigNode::parse("a: 1\nb:\n  - x: 0123\n    y: 'é'\n  - true\nc:\n").unwrap();
        assert_eq!(node.at(&["a"]).unwrap().location, SourceLocation::File { line: 1, column: 4 });
        assert_eq!(node.at(&["b", "0", "y"]).unwrap().location, SourceLocation::File { line: 4, column: 8 });
        assert_eq!(node.at(&["b", "0", "x"]).unwrap().text(), Some("0123"));
        assert_eq!(node.at(&["b", "1"]).unwrap().text(), Some("true"));
        assert!(matches!(node.at(&["c"]).unwrap().value, ConfigValue::Nothing));
        assert!(node.at(&["b", "7"]).is_none());
    }

    #[test]
    fn follows_anchors() {
        let node = ConfigNode::parse("a: &x 007\nb: *x\n").unwrap();
        assert_eq!(node.at(&["b"]).unwrap().text(), Some("007"));
        assert_eq!(node.at(&["b"]).unwrap().location, SourceLocation::File { line: 2, column: 4 });
    }

    #[test]
    fn empty_is_empty() {
        for text in ["", "# nothing\n", "---\n", "~"] {
            assert!(matches!(ConfigNode::parse(text).unwrap().value, ConfigValue::Nothing), "{text:?}");
        }
    }
}
