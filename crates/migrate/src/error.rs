//! Errors in a migration: the place, the fact, the hint.

use std::fmt;

/// An error in the section. `Display` is one line, without the hint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct MigrationError {
    path: Vec<String>,
    what: String,
    hint: String,
}

impl MigrationError {
    pub(crate) fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { path: Vec::new(), what: what.into(), hint: hint.into() }
    }

    /// Adds an enclosing key, or a position in a list.
    #[must_use]
    pub(crate) fn under(mut self, key: impl ToString) -> Self {
        self.path.insert(0, key.to_string());
        self
    }

    /// The path: keys and positions, starting at the section: `["repositories", "0"]`.
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// The fact alone.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// A hint on how to fix it.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl fmt::Display for MigrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`migrate")?;
        self.path.iter().try_for_each(|step| write!(f, ".{step}"))?;
        write!(f, "`: {}", self.what)
    }
}
