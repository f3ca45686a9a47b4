//! What is needed again last and is large goes first. The future is known.

use super::{by_blob::ByBlobPolicy, pool::Pool, trace::Trace};

/// How many blobs are looked at for each that goes.
const DRAWS: usize = 128;

pub(super) struct Belady<'a> {
    trace: &'a Trace,
    /// For each access, which one is the next to the same blob.
    next: Vec<u64>,
    /// For each blob that is held, the next access to it.
    next_use: Vec<u64>,
    pool: Pool,
}

impl<'a> Belady<'a> {
    pub(super) fn new(trace: &'a Trace) -> Self {
        let next = next_accesses(trace);
        Self { trace, next, next_use: vec![u64::MAX; trace.blobs()], pool: Pool::new(trace.blobs()) }
    }
}

/// For each access, which one is the next to the same blob; `u64::MAX` if none is.
pub(super) fn next_accesses(trace: &Trace) -> Vec<u64> {
    let accesses: Vec<u32> = trace.accesses().collect();
    let mut next = vec![u64::MAX; accesses.len()];
    let mut seen = vec![u64::MAX; trace.blobs()];
    for (nth, blob) in accesses.iter().enumerate().rev() {
        next[nth] = std::mem::replace(&mut seen[*blob as usize], nth as u64);
    }
    next
}

impl ByBlobPolicy for Belady<'_> {
    fn admits(&mut self, _blob: u32, nth: u64) -> bool {
        self.next[nth as usize] != u64::MAX
    }

    fn hit(&mut self, blob: u32, nth: u64) {
        self.next_use[blob as usize] = self.next[nth as usize];
    }

    fn insert(&mut self, blob: u32, nth: u64) {
        self.next_use[blob as usize] = self.next[nth as usize];
        self.pool.insert(blob);
    }

    fn victim(&mut self, nth: u64) -> Option<u32> {
        let (trace, next_use) = (self.trace, &self.next_use);
        let rank = |blob: u32| {
            let until = next_use[blob as usize].saturating_sub(nth);
            trace.size(blob) as f64 * until as f64
        };
        let victim = self.pool.greatest(DRAWS, rank)?;
        self.pool.remove(victim);
        Some(victim)
    }
}
