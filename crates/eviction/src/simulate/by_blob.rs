//! A cache of single blobs, for the policies that ours is compared with.

use super::{
    cache::{Cache, MissedContent},
    trace::{Trace, TracePull},
};

/// Chooses among blobs that are held.
pub(super) trait ByBlobPolicy {
    /// Whether a blob that comes is kept at all.
    fn admits(&mut self, _blob: u32, _nth: u64) -> bool {
        true
    }

    /// A held blob was asked for; `nth` counts accesses to blobs.
    fn hit(&mut self, blob: u32, nth: u64);

    /// A blob is held from now on.
    fn insert(&mut self, blob: u32, nth: u64);

    /// The blob that goes. It is held no more.
    fn victim(&mut self, nth: u64) -> Option<u32>;
}

/// The cache.
pub(super) struct ByBlob<'a, P> {
    trace: &'a Trace,
    cap: u64,
    held: Vec<bool>,
    bytes: u64,
    nth: u64,
    policy: P,
}

impl<'a, P: ByBlobPolicy> ByBlob<'a, P> {
    pub(super) fn new(trace: &'a Trace, cap: u64, policy: P) -> Self {
        Self { trace, cap, held: vec![false; trace.blobs()], bytes: 0, nth: 0, policy }
    }

    fn keep(&mut self, blob: u32) {
        let size = self.trace.size(blob);
        if size > self.cap || !self.policy.admits(blob, self.nth) {
            return;
        }
        while self.bytes + size > self.cap {
            let Some(victim) = self.policy.victim(self.nth) else { return };
            self.held[victim as usize] = false;
            self.bytes -= self.trace.size(victim);
        }
        self.held[blob as usize] = true;
        self.bytes += size;
        self.policy.insert(blob, self.nth);
    }
}

impl<P: ByBlobPolicy> Cache for ByBlob<'_, P> {
    fn pull(&mut self, pull: &TracePull) -> MissedContent {
        let trace = self.trace;
        let mut missing = MissedContent::default();
        for blob in &trace.image(pull.image).blobs {
            if self.held[*blob as usize] {
                self.policy.hit(*blob, self.nth);
            } else {
                missing.blobs += 1;
                missing.bytes += trace.size(*blob);
                self.keep(*blob);
            }
            self.nth += 1;
        }
        missing
    }
}
