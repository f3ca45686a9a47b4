//! Pulls of each manifest, counted in memory until they are recorded in the catalog.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    hash::BuildHasher as _,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use entrepot_catalog::{RepoKey, Use};
use entrepot_oci::Digest;
use foldhash::quality::RandomState;

/// The most manifests counted between two writes. More are not counted: it is a statistic, and clients choose the names.
const CAPACITY: usize = 50_000;
/// One client's pulls of one manifest count once in this time for what it is worth: a loop makes it no dearer.
const ONCE_IN: Duration = Duration::from_secs(60 * 60);

/// The pulls that are not in the catalog yet.
#[derive(Default)]
pub(crate) struct PullCounts(Mutex<PendingCounts>);

#[derive(Default)]
struct PendingCounts {
    /// For each manifest the pulls, those of them that count, and the time of the last one.
    pulls: HashMap<(RepoKey, Digest), (u64, u64, SystemTime), RandomState>,
    /// Who has pulled what since a time.
    seen: HashSet<u64, RandomState>,
    seen_since: Option<SystemTime>,
}

impl PendingCounts {
    /// Whether this client's pull of this manifest counts. Beyond [`CAPACITY`] none does until the time is over.
    fn is_first(&mut self, of: &(RepoKey, Digest), by: u64, now: SystemTime) -> bool {
        let is_over = |since| now.duration_since(since).map_or(true, |age| age >= ONCE_IN);
        if self.seen_since.is_none_or(is_over) {
            self.seen.clear();
            self.seen_since = Some(now);
        }
        let name = self.seen.hasher().hash_one((of, by));
        self.seen.len() < CAPACITY && self.seen.insert(name)
    }
}

impl PullCounts {
    /// Counts a pull of a manifest; `by` tells clients apart.
    pub(crate) fn count(&self, key: &RepoKey, digest: Digest, by: u64, now: SystemTime) {
        let of = (key.clone(), digest);
        let mut counts = self.lock();
        let counted = u64::from(counts.is_first(&of, by, now));
        let is_full = counts.pulls.len() >= CAPACITY;
        match counts.pulls.entry(of) {
            Entry::Occupied(mut entry) => {
                let (pulls, before, _) = *entry.get();
                *entry.get_mut() = (pulls + 1, before + counted, now);
            }
            Entry::Vacant(_) if is_full => {}
            Entry::Vacant(entry) => drop(entry.insert((1, counted, now))),
        }
    }

    /// Whether a manifest was pulled since pulls were last taken.
    pub(crate) fn has(&self, key: &RepoKey, digest: &Digest) -> bool {
        self.lock().pulls.contains_key(&(key.clone(), *digest))
    }

    /// Removes and returns everything counted so far.
    pub(crate) fn take(&self) -> Vec<Use> {
        let counts = std::mem::take(&mut self.lock().pulls);
        counts
            .into_iter()
            .map(|((key, digest), (pulls, counted, last))| Use { key, digest, pulls, counted, last })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, PendingCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use entrepot_catalog::Origin;

    use super::*;

    #[test]
    fn a_loop_makes_an_image_no_dearer() {
        let counts = PullCounts::default();
        let key = RepoKey { origin: Origin::Hosted, repository: "a".parse().unwrap() };
        let (digest, start) = (Digest::of(b""), UNIX_EPOCH + Duration::from_secs(1));
        for by in [7, 7, 7, 8] {
            counts.count(&key, digest, by, start);
        }
        assert!(counts.has(&key, &digest) && !counts.has(&key, &Digest::of(b"other")));
        let told = |counts: &PullCounts| {
            counts.take().into_iter().map(|one| (one.pulls, one.counted)).collect::<Vec<_>>()
        };
        assert_eq!(told(&counts), [(4, 2)]);
        assert!(!counts.has(&key, &digest));
        counts.count(&key, digest, 7, start + ONCE_IN / 2);
        assert_eq!(told(&counts), [(1, 0)], "also after they were recorded");
        counts.count(&key, digest, 7, start + ONCE_IN);
        assert_eq!(told(&counts), [(1, 1)]);
        // S13
        counts.count(&key, digest, 7, UNIX_EPOCH);
        assert_eq!(told(&counts), [(1, 1)], "a clock that is set back stops nothing");
    }
}
