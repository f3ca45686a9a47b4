//! Errors in rules: the place, the fact, the hint.

use std::fmt;

/// An error in the rules. `Display` is one line, without the hint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    path: Vec<String>,
    what: String,
    hint: String,
}

impl RuleError {
    pub(super) fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { path: Vec::new(), what: what.into(), hint: hint.into() }
    }

    /// Adds an enclosing key, or a position in a list.
    #[must_use]
    pub(super) fn under(mut self, key: impl ToString) -> Self {
        self.path.insert(0, key.to_string());
        self
    }

    /// The path: keys and, for lists, positions, starting at the list of rules: `["2", "to", "0", "repository"]`.
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

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`sync")?;
        for step in &self.path {
            match step.parse::<usize>() {
                Ok(position) => write!(f, "[{position}]")?,
                Err(_) => write!(f, ".{step}")?,
            }
        }
        write!(f, "`: {}", self.what)
    }
}
