//! The configuration as written: values with their places.
//!
//! [`Node`] is a value with its [`Place`]. YAML text is parsed here, `overlay` adds to it, `typed` deserializes it.
//! Unquoted scalars are kept as written, since only the target type decides what they are.

use super::{error::Error, place::Place};

/// A value and the place where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The place.
    pub(crate) place: Place,
    /// The value.
    pub(crate) value: Value,
}

/// A value as written.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Empty; treated as not written.
    Nothing,
    /// An unquoted scalar that could be a number or a boolean, but may be meant as text.
    Plain(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// The place of the key.
    pub(crate) place: Place,
    /// The value.
    pub(crate) node: Node,
}

impl Node {
    /// An empty node.
    pub(crate) fn empty() -> Self {
        Self { place: Place::Nowhere, value: Value::Nothing }
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
            Value::Map(entries) => {
                entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.node)
            }
            _ => None,
        }
    }

    /// The value at a path of keys and, for lists, positions; mutable.
    pub(crate) fn at_mut(&mut self, path: &[String]) -> Option<&mut Self> {
        path.iter().try_fold(self, |node, step| match &mut node.value {
            Value::List(items) => items.get_mut(step.parse::<usize>().ok()?),
            Value::Map(entries) => {
                entries.iter_mut().find(|entry| entry.key == *step).map(|entry| &mut entry.node)
            }
            _ => None,
        })
    }

    /// The value at a path of keys and, for lists, positions.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, step| match &node.value {
            Value::List(items) => items.get(step.parse::<usize>().ok()?),
            _ => node.get(step),
        })
    }

    /// The entries; none if this is not a mapping.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items; none if this is not a list.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Plain(text) | Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<entrepot_yaml::Node> for Node {
    fn from(node: entrepot_yaml::Node) -> Self {
        let value = match node.value {
            entrepot_yaml::Value::Nothing => Value::Nothing,
            // `0123` and `1_000` are numbers in YAML, but a password may be `0123`.
            entrepot_yaml::Value::Plain(text) => Value::Plain(text),
            entrepot_yaml::Value::Text(text) => Value::Text(text),
            entrepot_yaml::Value::List(items) => Value::List(items.into_iter().map(Self::from).collect()),
            entrepot_yaml::Value::Map(entries) => Value::Map(entries.into_iter().map(Entry::from).collect()),
        };
        Self { place: Place::from(node.location), value }
    }
}

impl From<entrepot_yaml::Entry> for Entry {
    fn from(entry: entrepot_yaml::Entry) -> Self {
        Self { key: entry.key, place: Place::from(entry.location), node: entry.node.into() }
    }
}

fn not_yaml(error: &entrepot_yaml::Error) -> Error {
    let place = error.location().map_or(Place::Nowhere, Place::from);
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
        let node = Node::parse("a: 1\nb:\n  - x: 0123\n    y: 'é'\n  - true\nc:\n").unwrap();
        assert_eq!(node.at(&["a"]).unwrap().place, Place::File { line: 1, column: 4 });
        assert_eq!(node.at(&["b", "0", "y"]).unwrap().place, Place::File { line: 4, column: 8 });
        assert_eq!(node.at(&["b", "0", "x"]).unwrap().text(), Some("0123"));
        assert_eq!(node.at(&["b", "1"]).unwrap().text(), Some("true"));
        assert!(matches!(node.at(&["c"]).unwrap().value, Value::Nothing));
        assert!(node.at(&["b", "7"]).is_none());
    }

    #[test]
    fn follows_anchors() {
        let node = Node::parse("a: &x 007\nb: *x\n").unwrap();
        assert_eq!(node.at(&["b"]).unwrap().text(), Some("007"));
        assert_eq!(node.at(&["b"]).unwrap().place, Place::File { line: 2, column: 4 });
    }

    #[test]
    fn empty_is_empty() {
        for text in ["", "# nothing\n", "---\n", "~"] {
            assert!(matches!(Node::parse(text).unwrap().value, Value::Nothing), "{text:?}");
        }
    }
}
