//! The names of events.

use std::{fmt, str::FromStr};

/// The name of an event. A name is kept for ever; new ones may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A sync failed that did not fail before.
    SyncFailed,
    /// A sync left images that are not what they are at their source.
    SyncBehind,
    /// A sync that failed or was behind is in order again.
    SyncRecovered,
    /// A sync found tags at a destination that no rule writes: somebody has to say whether they go.
    PruneWaiting,
    /// Somebody's request for an image is done, or has failed.
    RequestDone,
    /// Few pulls are left of what an upstream allows.
    BudgetLow,
    /// The disk is nearly full.
    DiskLow,
    /// The mirror offers more or less than before.
    ModeChanged,
    /// A comparison of stored bytes with their digests found some that are wrong.
    ScrubFound,
    /// A card is free for somebody who waits for one.
    CardFree,
    /// No new certificate can be had from the authority.
    CertificateFailed,
    /// Somebody tries a webhook.
    Test,
}

/// The text is not the name of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the name of an event")]
pub struct EventKindError;

impl EventKind {
    /// The kinds that can be asked for.
    pub const ALL: [Self; 11] = [
        Self::SyncFailed,
        Self::SyncBehind,
        Self::SyncRecovered,
        Self::PruneWaiting,
        Self::RequestDone,
        Self::BudgetLow,
        Self::DiskLow,
        Self::ModeChanged,
        Self::ScrubFound,
        Self::CardFree,
        Self::CertificateFailed,
    ];

    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SyncFailed => "sync.failed",
            Self::SyncBehind => "sync.behind",
            Self::SyncRecovered => "sync.recovered",
            Self::PruneWaiting => "prune.waiting",
            Self::RequestDone => "request.done",
            Self::BudgetLow => "budget.low",
            Self::DiskLow => "disk.low",
            Self::ModeChanged => "mode.changed",
            Self::ScrubFound => "scrub.found",
            Self::CardFree => "card.free",
            Self::CertificateFailed => "certificate.failed",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = EventKindError;

    fn from_str(text: &str) -> Result<Self, EventKindError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(EventKindError)
    }
}
