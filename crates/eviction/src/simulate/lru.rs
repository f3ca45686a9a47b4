//! Least recently used.

use std::collections::BTreeMap;

use super::{by_blob::ByBlobPolicy, trace::Trace};

pub(super) struct Lru {
    /// By the time of the last access.
    order: BTreeMap<u64, u32>,
    last: Vec<u64>,
}

impl Lru {
    pub(super) fn new(trace: &Trace) -> Self {
        Self { order: BTreeMap::new(), last: vec![0; trace.blobs()] }
    }
}

impl ByBlobPolicy for Lru {
    fn hit(&mut self, blob: u32, nth: u64) {
        self.order.remove(&self.last[blob as usize]);
        self.insert(blob, nth);
    }

    fn insert(&mut self, blob: u32, nth: u64) {
        self.last[blob as usize] = nth;
        self.order.insert(nth, blob);
    }

    fn victim(&mut self, _nth: u64) -> Option<u32> {
        self.order.pop_first().map(|(_, blob)| blob)
    }
}
