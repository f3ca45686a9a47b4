//! Problems of a migration.

use std::fmt;

use serde::Serialize;

/// Something that a migration has to reckon with: the fact, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How grave it is.
    pub severity: Severity,
    /// What it is about: an image, a repository, a registry, a file.
    pub about: String,
    /// The fact.
    pub what: String,
    /// The way out, if there is one to name.
    pub hint: Option<String>,
}

/// How grave something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing is copied while it stands.
    Stops,
    /// Copies are made, and somebody should know.
    Warns,
    /// Good to know.
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
