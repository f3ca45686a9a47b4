//! What became of syncs: runs with what they did, how each copy stands, and what saves requests next time.
//!
//! - `runs`: the history, of which the last [`KEPT_RUNS`] of each rule are kept
//! - `copies`: what a run settles, written in batches; how every copy stood when it was last looked at
//! - `forms`: digests of images in other forms, and tags that need no second look
//!
//! Rules and places are texts here: what they mean is the business of whoever runs them.

mod copies;
mod forms;
mod records;
mod runs;

pub use copies::MAX_RUN_COPIES;
#[cfg(test)]
pub(crate) use copies::{COPIES, SOURCE_TAGS};
#[cfg(test)]
pub(crate) use forms::{CONVERTED, VERIFIED};
pub use records::{
    Cause, Copy, CopyCounts, CopyOutcome, CopyState, RunCopy, RunEnd, RunId, RunIdError, RunOutcome,
    RunRecord, SourceTag,
};
pub use runs::KEPT_RUNS;
#[cfg(test)]
pub(crate) use runs::{LAST_WHOLE, RUN, RUN_COPIES, RUNNING, RUNS, RUNS_OF, TRIM};
