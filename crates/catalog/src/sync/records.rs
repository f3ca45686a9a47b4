//! What is told of syncs, and to be remembered of them.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use entrepot_oci::Digest;

use crate::{Error, sql};

/// Which run. Later ones have greater ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub(crate) i64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// A text that is no [`RunId`].
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

/// Defines an enum that is written into the database as a word.
macro_rules! words {
    ($(#[$about:meta])* $name:ident $what:literal { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            pub(crate) fn read(word: &str) -> Result<Self, Error> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(Error::Content { what: $what }),
                }
            }
        }
    };
}

words! {
    /// Why a run was begun.
    Cause "cause of a run" {
        /// It was due.
        Schedule = "schedule",
        /// It had been due while nobody was there to begin it.
        CatchUp = "catch-up",
        /// Somebody asked for it.
        Hand = "hand",
    }
}

words! {
    /// How a run stands or ended.
    RunOutcome "outcome of a run" {
        /// It goes on.
        Running = "running",
        /// Every copy is in order.
        Done = "done",
        /// Some are not, or it could not begin.
        Failed = "failed",
        /// It was told to stop.
        Cancelled = "cancelled",
        /// The server ended while it went on.
        Interrupted = "interrupted",
    }
}

words! {
    /// How a copy ended.
    CopyOutcome "outcome of a copy" {
        /// It was written.
        Copied = "copied",
        /// It was there.
        Equal = "equal",
        /// Something else is there, and stays.
        Kept = "kept",
        /// It is not there.
        Failed = "failed",
        /// It was left for a later run.
        Postponed = "postponed",
        /// The run was told to stop before.
        Cancelled = "cancelled",
    }
}

impl CopyOutcome {
    /// Whether the target has now what the source has.
    pub fn is_in_sync(self) -> bool {
        matches!(self, Self::Copied | Self::Equal)
    }
}

/// Which copy: one image, of one source, at one target.
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
    /// Bytes that the target had elsewhere.
    pub mounted: u64,
    /// Bytes that were there.
    pub present: u64,
    /// How long it took.
    pub took: Duration,
}

/// How often each outcome came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyCounts {
    /// Written.
    pub copied: u64,
    /// Found to be there.
    pub equal: u64,
    /// Something else is there, and stays.
    pub kept: u64,
    /// Not there.
    pub failed: u64,
    /// Left for a later run.
    pub postponed: u64,
    /// Not come to.
    pub cancelled: u64,
}

impl CopyCounts {
    /// Counts one more.
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

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// When.
    pub at: SystemTime,
    /// How.
    pub outcome: RunOutcome,
    /// What kept it from its work as a whole.
    pub problem: Option<String>,
    /// How its copies ended.
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
    /// What kept it from its work as a whole.
    pub problem: Option<String>,
    /// How its copies ended.
    pub counts: CopyCounts,
    /// Bytes written.
    pub written: u64,
    /// Bytes read from sources.
    pub read: u64,
}

/// An image at its source; the mark by which copies are paged.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceTag {
    /// Where it is.
    pub source: String,
    /// What it is called there.
    pub reference: String,
}

/// How a copy stood when it was last looked at.
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
