//! Faults in rules: the place, the fact, and what to do.

use std::fmt;

/// A fault in the rules. `Display` is one line, without the hint.
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

    /// The same under one more key, or position in a list.
    #[must_use]
    pub(super) fn under(mut self, key: impl ToString) -> Self {
        self.path.insert(0, key.to_string());
        self
    }

    /// Where it is: keys and, for lists, positions, from the list of rules in: `["2", "to", "0", "repository"]`.
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// The fact alone.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The way out.
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
