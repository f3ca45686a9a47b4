//! The result of a step of a check.

use serde::Serialize;

/// The result of a step of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// It is permitted.
    Passed {
        /// Details.
        how: String,
    },
    /// It is not permitted.
    Failed {
        /// The fact.
        what: String,
        /// A hint.
        hint: String,
    },
}
