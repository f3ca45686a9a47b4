//! How a round of eviction goes, and how it ended.

use entrepot_eviction::Trigger;

/// How far a round is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvictionProgress {
    /// Images that were planned.
    pub planned: u64,
    /// Images that were looked at.
    pub done: u64,
    /// Bytes freed so far.
    pub freed: u64,
    /// Bytes that are to be freed.
    pub wanted: u64,
    /// Seconds since it began.
    pub seconds: u64,
}

/// How a round ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvictionReport {
    /// How.
    pub end: EvictionEnd,
    /// The limits that were reached.
    pub triggers: Vec<Trigger>,
    /// Images that are gone.
    pub images: u64,
    /// Bytes that were freed.
    pub freed: u64,
    /// Images that were chosen and stay, because something speaks for them now.
    pub spared: u64,
    /// Images that expired and wait for somebody to look at them.
    pub held_back: u64,
    /// The bytes that were free on the disk before.
    pub free_before: Option<u64>,
    /// Those that are free now.
    pub free_after: Option<u64>,
}

/// How a round ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvictionEnd {
    /// All that had to go is gone, or all that may.
    Done,
    /// Somebody cancelled it, or the server stopped.
    Cancelled,
    /// Something failed, as is said here; the rest is left for the next round.
    Failed(String),
}
