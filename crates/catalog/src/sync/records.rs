//! The records of syncs: runs, what they did, and the states of copies.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use entrepot_oci::Digest;

use crate::{error::Error, instance::InstanceId, sql, words::words};

/// The id of a run. Later runs have greater ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub(crate) i64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// A text is not a [`RunId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the id of a run")]
pub struct RunIdError;

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, RunIdError> {
        // Written one way only: no sign, no leading zero, no capitals.
        let id = i64::from_str_radix(text, 16).map(Self).map_err(|_| RunIdError)?;
        if id.0 > 0 && id.to_string() == text { Ok(id) } else { Err(RunIdError) }
    }
}

words! {
    /// Why a run was begun.
    Cause "cause of a run" {
        /// It was due.
        Schedule = "schedule",
        /// It was due while no server ran.
        CatchUp = "catch-up",
        /// Somebody asked for it.
        Hand = "hand",
    }
}

words! {
    /// How a run stands or ended.
    RunOutcome "outcome of a run" {
        /// It has not ended.
        Running = "running",
        /// Every copy is copied, equal or kept.
        Done = "done",
        /// Some copies failed, or were left for later, or the run could not do its work at all.
        Failed = "failed",
        /// It was told to stop.
        Cancelled = "cancelled",
        /// Its server ended before it did.
        Interrupted = "interrupted",
    }
}

words! {
    /// How a copy ended.
    CopyOutcome "outcome of a copy" {
        /// It was written.
        Copied = "copied",
        /// The target had it already.
        Equal = "equal",
        /// The target has another image under a tag that never changes, and keeps it.
        Kept = "kept",
        /// Something went wrong.
        Failed = "failed",
        /// It was left for a later run.
        Postponed = "postponed",
        /// The run was told to stop before.
        Cancelled = "cancelled",
    }
}

impl CopyOutcome {
    /// Whether the target has what the source has.
    pub fn is_in_sync(self) -> bool {
        matches!(self, Self::Copied | Self::Equal)
    }
}

/// Identifies a copy: one image of one source at one target.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Copy {
    /// Where it comes from.
    pub source: String,
    /// What it is called there.
    pub reference: String,
    /// Where it goes.
    pub target: String,
    /// What it is called there.
    pub target_reference: String,
}

/// What a run did about a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunCopy {
    /// Which one.
    pub copy: Copy,
    /// The source's digest, where it is known.
    pub digest: Option<Digest>,
    /// How it ended.
    pub outcome: CopyOutcome,
    /// What went wrong.
    pub problem: Option<String>,
    /// The way out.
    pub hint: Option<String>,
    /// Bytes written.
    pub written: u64,
    /// Bytes that the target's registry had in another repository.
    pub mounted: u64,
    /// Bytes that the target had already.
    pub present: u64,
    /// How long it took.
    pub took: Duration,
}

/// Copies that a run has settled, a batch at a time.
#[derive(Clone, Copy, Debug)]
pub struct SettledCopies<'a> {
    /// The run.
    pub run: RunId,
    /// Its rule.
    pub rule: &'a str,
    /// The number, counted from 1, for the first of these copies that is not equal.
    pub first: u64,
    /// The copies.
    pub copies: &'a [RunCopy],
    /// When they were settled.
    pub at: SystemTime,
}

/// How many copies had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyCounts {
    /// Written by the run.
    pub copied: u64,
    /// Found to be equal.
    pub equal: u64,
    /// Another image is there, under a tag that never changes, and stays.
    pub kept: u64,
    /// Failed.
    pub failed: u64,
    /// Left for a later run.
    pub postponed: u64,
    /// Not begun, because the run was told to stop.
    pub cancelled: u64,
}

impl CopyCounts {
    /// Counts one more copy with this outcome.
    pub fn add(&mut self, outcome: CopyOutcome) {
        self.add_many(outcome, 1);
    }

    pub(crate) fn add_many(&mut self, outcome: CopyOutcome, more: u64) {
        *match outcome {
            CopyOutcome::Copied => &mut self.copied,
            CopyOutcome::Equal => &mut self.equal,
            CopyOutcome::Kept => &mut self.kept,
            CopyOutcome::Failed => &mut self.failed,
            CopyOutcome::Postponed => &mut self.postponed,
            CopyOutcome::Cancelled => &mut self.cancelled,
        } += more;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.in_sync() + self.kept + self.failed + self.postponed + self.cancelled
    }

    /// Those whose target has what the source has.
    pub fn in_sync(&self) -> u64 {
        self.copied + self.equal
    }
}

/// A run that begins.
#[derive(Clone, Copy, Debug)]
pub struct NewRun<'a> {
    /// The rule it is a run of.
    pub rule: &'a str,
    /// Why it is begun.
    pub cause: Cause,
    /// The image it is confined to, if it is.
    pub part: Option<&'a str>,
    /// The server that carries it out.
    pub owner: InstanceId,
    /// When it begins.
    pub at: SystemTime,
}

/// Which runs that are recorded as running have nobody who carries them out.
///
/// Those that an older version began without an owner are always among them.
#[derive(Clone, Copy, Debug)]
pub struct Orphans {
    /// The server that asks. Its own runs are never orphans.
    pub not_of: InstanceId,
    /// A server that is known to have ended: all of its runs are.
    pub predecessor: Option<InstanceId>,
    /// Runs of any other server are, if their last heartbeat is older than this.
    pub silent_since: SystemTime,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// When.
    pub at: SystemTime,
    /// How.
    pub outcome: RunOutcome,
    /// What kept the run as a whole from its work.
    pub problem: Option<String>,
    /// How many of its copies had which outcome.
    pub counts: CopyCounts,
    /// Bytes written.
    pub written: u64,
    /// Bytes read from sources.
    pub read: u64,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// Which one.
    pub id: RunId,
    /// The rule it is a run of.
    pub rule: String,
    /// Why it was begun.
    pub cause: Cause,
    /// The image it was confined to, if it was.
    pub part: Option<String>,
    /// When it began.
    pub started: SystemTime,
    /// When it ended.
    pub ended: Option<SystemTime>,
    /// How it stands.
    pub outcome: RunOutcome,
    /// What kept the run as a whole from its work.
    pub problem: Option<String>,
    /// How many of its copies had which outcome.
    pub counts: CopyCounts,
    /// Bytes written.
    pub written: u64,
    /// Bytes read from sources.
    pub read: u64,
}

/// An image at its source. Pages of copies begin after one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceTag {
    /// Where it is.
    pub source: String,
    /// What it is called there.
    pub reference: String,
}

/// The state of a copy when it was last looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyState {
    /// Which one.
    pub copy: Copy,
    /// The source's digest, where it is known.
    pub digest: Option<Digest>,
    /// How it ended.
    pub outcome: CopyOutcome,
    /// What went wrong.
    pub problem: Option<String>,
    /// The way out.
    pub hint: Option<String>,
    /// When it was looked at.
    pub checked: SystemTime,
    /// When it was last known to be equal to its source.
    pub synced: Option<SystemTime>,
}

pub(crate) fn digest(text: Option<String>) -> Result<Option<Digest>, Error> {
    text.map(|text| sql::digest(&text)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_one_way() {
        assert_eq!("1f".parse::<RunId>().unwrap(), RunId(31));
        assert_eq!(RunId(31).to_string(), "1f");
        for wrong in ["", "0", "01f", "+1f", "-1f", "1F", "g", "ffffffffffffffffffff"] {
            assert_eq!(wrong.parse::<RunId>(), Err(RunIdError), "{wrong}");
        }
    }

    #[test]
    fn counts_add_up() {
        let mut counts = CopyCounts::default();
        for outcome in [CopyOutcome::Copied, CopyOutcome::Equal, CopyOutcome::Failed, CopyOutcome::Equal] {
            counts.add(outcome);
        }
        assert_eq!((counts.total(), counts.in_sync()), (4, 3));
    }
}
