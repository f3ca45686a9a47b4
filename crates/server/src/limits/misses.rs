//! What is remembered of names that nobody has, and how many questions are under way.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use entrepot_bounded_cache::BoundedCache;
use tokio::sync::Notify;

/// How long, and of how many names, it is remembered that nobody has them.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);
const MOST_REMEMBERED: u64 = 50_000;
/// How many requests may wait for the questions of others to be answered.
const MOST_WAITING: usize = 256;

/// The questions under way, and what they found out.
pub(super) struct Misses {
    /// By the hashes of their names.
    pub(super) absent: BoundedCache<u64, ()>,
    pub(super) asking: AtomicUsize,
    pub(super) waiting: AtomicUsize,
    pub(super) answered: Notify,
}

impl Default for Misses {
    fn default() -> Self {
        let absent = BoundedCache::of_entries(MOST_REMEMBERED).with_lifetime(REMEMBERED);
        Self { absent, asking: AtomicUsize::new(0), waiting: AtomicUsize::new(0), answered: Notify::new() }
    }
}

/// A request that waits, counted until it is dropped.
pub(super) struct WaitGuard<'a>(&'a AtomicUsize);

impl<'a> WaitGuard<'a> {
    /// `None` if too many wait.
    pub(super) fn begin(count: &'a AtomicUsize) -> Option<Self> {
        let more = |waiting: usize| (waiting < MOST_WAITING).then_some(waiting + 1);
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Self(count))
    }
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
