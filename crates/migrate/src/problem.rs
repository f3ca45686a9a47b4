//! Problems of a migration.

use std::fmt;

use serde::Serialize;

/// A problem of a migration: the fact, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The severity.
    pub severity: Severity,
    /// The image, repository, registry or file.
    pub about: String,
    /// The fact.
    pub what: String,
    /// A hint, if one is known.
    pub hint: Option<String>,
}

/// The severity of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It prevents all copies.
    Stops,
    /// It does not prevent copies, but needs attention.
    Warns,
    /// For information only.
    Notes,
}

impl Problem {
    pub(crate) fn new(
        severity: Severity,
        about: impl fmt::Display,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { severity, about: about.to_string(), what: what.into(), hint: Some(hint.into()) }
    }
}
