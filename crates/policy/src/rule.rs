//! A rule, and the list that it is in.

use std::sync::Arc;

use crate::pattern::ImagePattern;

/// Rules that were written in one place: a file, or a key of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleList {
    /// What it is called: the name of its file, or the key.
    pub name: String,
    /// What it does.
    pub kind: ListKind,
    /// Its rules.
    pub rules: Vec<WrittenRule>,
}

/// What the rules of a list do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// They allow; whatever no list allows is refused then.
    Allow,
    /// They deny, whatever is allowed.
    Deny,
}

/// A rule as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenRule {
    /// The images that it is for.
    pub pattern: ImagePattern,
    /// Its line in the list's file, or its number in the list.
    pub line: usize,
    /// Why it denies.
    pub notice: Notice,
}

/// What is told with a denial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// Why.
    pub reason: Option<String>,
    /// Where it is written at length: the address of a take-down notice or an advisory.
    pub notice: Option<String>,
    /// Denied by law: status 451 (RFC 7725) instead of 403.
    pub is_legal: bool,
}

/// A rule that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRule {
    pub(crate) list: Arc<str>,
    pub(crate) written: WrittenRule,
}

impl PullRule {
    /// The name of its list.
    pub fn list(&self) -> &str {
        &self.list
    }

    /// The images that it is for.
    pub fn pattern(&self) -> &ImagePattern {
        &self.written.pattern
    }

    /// Its line in the list's file, or its number in the list.
    pub fn line(&self) -> usize {
        self.written.line
    }

    /// What is told with a denial.
    pub fn notice(&self) -> &Notice {
        &self.written.notice
    }
}
