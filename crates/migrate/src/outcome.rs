//! How a step of a check ended.

use serde::Serialize;

/// How a step of a check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Outcome {
    /// It may be done.
    Passed {
        /// How it was done.
        how: String,
    },
    /// It may not.
    Failed {
        /// The fact.
        what: String,
        /// What to do about it.
        hint: String,
    },
}
