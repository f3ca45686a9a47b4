//! Pulls of each manifest, counted in memory until they are recorded in the catalog.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use entrepot_catalog::{RepoKey, Use};
use entrepot_oci::Digest;
use foldhash::quality::RandomState;

/// The most manifests counted between two writes. More are not counted: it is a statistic, and clients choose the names.
const CAPACITY: usize = 50_000;

/// The pulls that are not in the catalog yet.
#[derive(Default)]
pub(crate) struct PullCounts(Mutex<Counts>);

/// For each manifest the number of pulls and the time of the last one.
type Counts = HashMap<(RepoKey, Digest), (u64, SystemTime), RandomState>;

impl PullCounts {
    /// Counts a pull of a manifest.
    pub(crate) fn count(&self, key: &RepoKey, digest: Digest, now: SystemTime) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = counts.len() >= CAPACITY;
        match counts.entry((key.clone(), digest)) {
            Entry::Occupied(mut entry) => *entry.get_mut() = (entry.get().0 + 1, now),
            Entry::Vacant(_) if is_full => {}
            Entry::Vacant(entry) => drop(entry.insert((1, now))),
        }
    }

    /// Removes and returns everything counted so far.
    pub(crate) fn take(&self) -> Vec<Use> {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        counts.into_iter().map(|((key, digest), (pulls, last))| Use { key, digest, pulls, last }).collect()
    }
}
