//! How a scrub goes, and what it found.

use entrepot_oci::Digest;

/// How far a scrub is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrubProgress {
    /// Digests hashed.
    pub digests: u64,
    /// Bytes hashed.
    pub bytes: u64,
    /// Bytes that are held.
    pub of: u64,
    /// What was found damaged or missing so far.
    pub findings: u64,
    /// Seconds since it began.
    pub seconds: u64,
}

/// How a scrub ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrubReport {
    /// How.
    pub end: ScrubEnd,
    /// Digests hashed.
    pub digests: u64,
    /// Bytes hashed.
    pub bytes: u64,
    /// How much was damaged or missing.
    pub found: u64,
    /// The first 1000 of it.
    pub findings: Vec<ScrubFinding>,
}

/// How a scrub ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScrubEnd {
    /// Everything was hashed.
    Done,
    /// Somebody cancelled it, or the server stopped: the next one goes on.
    Cancelled,
    /// So much is damaged that the store itself may be.
    TooMuch,
    /// Something failed, as is said here; the next one goes on.
    Failed(String),
}

/// A digest whose bytes were damaged or missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrubFinding {
    /// The digest.
    pub digest: Digest,
    /// Its size, as it is recorded.
    pub size: u64,
    /// Whether there were bytes, which were set aside.
    pub was_damaged: bool,
    /// What became of it.
    pub outcome: ScrubOutcome,
    /// The images that need it, as far as they are known.
    pub images: Vec<String>,
}

/// What became of damaged or missing content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScrubOutcome {
    /// It was fetched again.
    Restored,
    /// Its upstream does not have it any more: the images that need it cannot be pulled.
    Lost,
    /// Its upstream did not give it now; it is fetched when somebody asks for it.
    Later,
    /// It was pushed here, and has to be pushed again.
    PushAgain,
}
