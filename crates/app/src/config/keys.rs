//! A mapping to show, built key by key.

use std::path::Path;

use super::shown::OutputValue;

/// The placeholder for a secret.
pub(super) const SECRET: &str = "***";

/// A path as it is shown.
pub(super) fn path(path: &Path) -> String {
    path.display().to_string()
}

/// The keys of a mapping, in their order.
#[derive(Default)]
pub(super) struct MappingBuilder(Vec<(String, OutputValue)>);

impl MappingBuilder {
    /// Adds a key.
    pub(super) fn put(&mut self, key: &str, value: OutputValue) {
        self.0.push((key.to_owned(), value));
    }

    /// Adds a key with a text.
    pub(super) fn text(&mut self, key: &str, value: impl Into<String>) {
        self.put(key, OutputValue::Text(value.into()));
    }

    /// Adds a key that has a value.
    pub(super) fn some(&mut self, key: &str, value: Option<OutputValue>) {
        self.0.extend(value.map(|value| (key.to_owned(), value)));
    }

    /// Adds a key whose value is not the usual one.
    pub(super) fn unless(&mut self, is_default: bool, key: &str, value: OutputValue) {
        self.some(key, (!is_default).then_some(value));
    }
}

impl From<MappingBuilder> for OutputValue {
    fn from(keys: MappingBuilder) -> Self {
        Self::Map(keys.0)
    }
}
