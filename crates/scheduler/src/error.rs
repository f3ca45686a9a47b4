//! Why the scheduler refuses.

use entrepot_catalog::{PruneStatus, RunId};
use entrepot_oci::Tag;

/// Why the scheduler refuses.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No rule has this name.
    #[error("there is no rule `{0}`")]
    UnknownRule(String),
    /// No run has this id, or it is so old that its record was removed.
    #[error("there is no run `{0}`")]
    UnknownRun(RunId),
    /// The run has ended, so it cannot be cancelled.
    #[error("run `{0}` has ended")]
    Ended(RunId),
    /// The rule is running, but for another part than was asked for.
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
    /// The rule does not copy this tag.
    #[error("rule `{rule}` does not copy the tag `{tag}`")]
    NotItsTag {
        /// The rule.
        rule: String,
        /// What was asked for.
        tag: Tag,
    },
    /// No list of tags has this id, or it is so old that its record was removed.
    #[error("there is no list of tags `{0}`")]
    UnknownPrune(i64),
    /// Somebody has decided already, or a later run found something else.
    #[error("the list of tags `{id}` does not wait for a decision: it is {}", .status.as_str())]
    PruneDecided {
        /// The list.
        id: i64,
        /// How it stands.
        status: PruneStatus,
    },
    /// It is too old to be decided about.
    #[error("the list of tags `{0}` is too old to be decided about")]
    PruneExpired(i64),
    /// It is not the list that somebody has seen.
    #[error("the list of tags `{0}` is not the one that was seen")]
    PruneChanged(i64),
    /// The lock on the database is lost; the server is trying to take it again.
    #[error("the lock on the database is lost, and no sync begins without it")]
    LockLost,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Stopping,
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] entrepot_catalog::Error),
}
