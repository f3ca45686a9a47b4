//! The records of syncs: runs with what they did, the state of each copy, and what saves requests next time.
//!
//! - `runs`: the history, of which the last [`KEPT_RUNS`] of each rule are kept
//! - `copies`: what a run settles, written in batches; the state of every copy when it was last looked at
//! - `prunes`: lists of tags that no rule writes, until somebody has decided about them
//! - `forms`: digests of images in other forms, and tags that need no second look
//!
//! Rules and places are only texts here; the crates that run syncs know what they mean.

mod copies;
mod forms;
mod prunes;
mod records;
mod runs;

pub use copies::MAX_RUN_COPIES;
#[cfg(test)]
pub(crate) use copies::{COPIES, SOURCE_TAGS};
#[cfg(test)]
pub(crate) use forms::{CONVERTED, VERIFIED};
pub use prunes::{KEPT_PRUNES, NewPrune, PruneDecision, PruneOutcome, PruneRecord, PruneStatus, PruneTag};
#[cfg(test)]
pub(crate) use prunes::{LATEST, PRUNE, PRUNE_TAGS, PRUNES, PRUNES_OF, REPLACE, TRIM_PRUNES};
pub use records::{
    Cause, Copy, CopyCounts, CopyOutcome, CopyState, NewRun, Orphans, RunCopy, RunEnd, RunId, RunIdError,
    RunOutcome, RunRecord, SettledCopies, SourceTag,
};
pub use runs::KEPT_RUNS;
#[cfg(test)]
pub(crate) use runs::{HEARTBEAT, INTERRUPT, LAST_WHOLE, RUN, RUN_COPIES, RUNS, RUNS_OF, TRIM};
