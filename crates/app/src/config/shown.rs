//! A document to be written as YAML or JSON.

use std::fmt::Write as _;

use entrepot_yaml::{Context, scalar};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::reader::tree::{ConfigNode, ConfigValue};

/// A document to write: as YAML by [`OutputValue::to_yaml`], as JSON by serde. Keys keep their order.
#[derive(Clone, Debug)]
pub(crate) enum OutputValue {
    /// A flag.
    Flag(bool),
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A mapping.
    Map(Vec<(String, Self)>),
}

impl OutputValue {
    /// The values as they were read.
    pub(super) fn written(node: &ConfigNode) -> Self {
        match &node.value {
            ConfigValue::Nothing => Self::Text(String::new()),
            ConfigValue::Text(text) => Self::Text(text.clone()),
            ConfigValue::Plain(text) => match (text.parse(), text.parse()) {
                (Ok(flag), _) => Self::Flag(flag),
                (_, Ok(number)) => Self::Number(number),
                _ => Self::Text(text.clone()),
            },
            ConfigValue::List(items) => Self::List(items.iter().map(Self::written).collect()),
            ConfigValue::Map(entries) => {
                let said = entries.iter().filter(|entry| !matches!(entry.node.value, ConfigValue::Nothing));
                Self::Map(said.map(|entry| (entry.key.clone(), Self::written(&entry.node))).collect())
            }
        }
    }

    /// The document as YAML.
    pub(crate) fn to_yaml(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0);
        text
    }

    fn write(&self, text: &mut String, depth: usize) {
        match self {
            Self::Map(keys) => keys.iter().for_each(|(key, value)| {
                let _ = write!(text, "{:1$}{2}:", "", depth * 2, scalar(key, Context::Block));
                value.write_behind(text, depth + 1);
            }),
            Self::List(items) => items.iter().for_each(|item| {
                let _ = write!(text, "{:1$}-", "", depth * 2);
                item.write_behind(text, depth + 1);
            }),
            _ => self.write_behind(text, depth),
        }
    }

    // Writes after a `key:` or a `-`.
    fn write_behind(&self, text: &mut String, depth: usize) {
        let word = match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => scalar(text, Context::Block).into_owned(),
            Self::List(items) if items.is_empty() => "[]".to_owned(),
            Self::Map(keys) if keys.is_empty() => "{}".to_owned(),
            Self::List(_) | Self::Map(_) => {
                text.push('\n');
                return self.write(text, depth);
            }
        };
        let _ = writeln!(text, " {word}");
    }
}

impl Serialize for OutputValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => items.serialize(serializer),
            Self::Map(keys) => {
                let mut map = serializer.serialize_map(Some(keys.len()))?;
                for (key, value) in keys {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}
