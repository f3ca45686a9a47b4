//! Plans: which images go, as people and the rounds see it.

use std::time::SystemTime;

use entrepot_catalog::RepoKey;
use entrepot_eviction::{Reason, Trigger};
use entrepot_oci::Digest;

/// What is evicted, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvictionPlan {
    /// The digest of what goes: two plans with one digest let the same images go.
    pub digest: Digest,
    /// What goes, in this order.
    pub images: Vec<PlannedImage>,
    /// The bytes that all of it frees.
    pub frees: u64,
    /// The bytes that are held.
    pub held: u64,
    /// The bytes that have to be freed.
    pub wanted: u64,
    /// The limits that are reached.
    pub triggers: Vec<Trigger>,
    /// So many images expire at once that somebody has to look at them first: the clock or the records may be wrong.
    pub is_doubtful: bool,
    pub(super) is_urgent: bool,
}

/// An image that is to go, or the blobs of a repository that belong to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedImage {
    /// The repository.
    pub key: RepoKey,
    /// The image; `None` for blobs that belong to none.
    pub digest: Option<Digest>,
    /// The bytes that its going frees, after those before it.
    pub frees: u64,
    /// When it was last pulled, or came.
    pub last_used: SystemTime,
    /// Why it goes.
    pub reason: Reason,
}

impl EvictionPlan {
    /// Without what expired, which somebody has to look at first.
    pub(super) fn without_expired(&self) -> Vec<PlannedImage> {
        self.images.iter().filter(|image| image.reason != Reason::Expired).cloned().collect()
    }
}
