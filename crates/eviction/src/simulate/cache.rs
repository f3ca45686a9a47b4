//! A cache under a policy, as a replay sees it.

use super::trace::TracePull;

/// What a pull did not find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MissedContent {
    pub(super) blobs: usize,
    pub(super) bytes: u64,
}

/// A cache under a policy.
pub(super) trait Cache {
    /// Serves a pull and keeps what the policy wants of it.
    fn pull(&mut self, pull: &TracePull) -> MissedContent;
}
