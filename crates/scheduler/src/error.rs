//! Why the scheduler does not do what it is asked.

use entrepot_catalog::RunId;
use entrepot_oci::Tag;

/// Why the scheduler does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No rule has this name.
    #[error("there is no rule `{0}`")]
    UnknownRule(String),
    /// No run has this id, or it is forgotten.
    #[error("there is no run `{0}`")]
    UnknownRun(RunId),
    /// The run is not going on, so it cannot be stopped.
    #[error("run `{0}` has ended")]
    Ended(RunId),
    /// The rule runs, but not for what was asked.
    #[error("rule `{rule}` is running for another image")]
    Busy {
        /// The rule.
        rule: String,
        /// Its run.
        run: RunId,
    },
    /// The rule has no such source.
    #[error("rule `{rule}` does not copy from `{image}`")]
    NotItsSource {
        /// The rule.
        rule: String,
        /// What was asked for.
        image: String,
    },
    /// The rule does not want this tag.
    #[error("rule `{rule}` does not copy the tag `{tag}`")]
    NotItsTag {
        /// The rule.
        rule: String,
        /// What was asked for.
        tag: Tag,
    },
    /// The server is about to end.
    #[error("the server is shutting down")]
    Stopping,
    /// What is remembered cannot be looked up.
    #[error(transparent)]
    Catalog(#[from] entrepot_catalog::Error),
}
