//! Which images are used, gathered in memory and written down now and then.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use entrepot_catalog::{Catalog, RepoKey, Use};
use entrepot_oci::Digest;
use foldhash::quality::RandomState;

/// The most that are gathered between two flushes. What is beyond that is not counted: it is a statistic, and names are
/// whatever clients ask for.
const MOST: usize = 50_000;

/// Pulls since the last flush.
#[derive(Default)]
pub(crate) struct Uses(Mutex<Gathered>);

/// How often each manifest was pulled, and when last.
type Gathered = HashMap<(RepoKey, Digest), (u64, SystemTime), RandomState>;

impl Uses {
    /// Counts a pull of a manifest.
    pub(crate) fn note(&self, key: &RepoKey, digest: Digest, now: SystemTime) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = uses.len() >= MOST;
        match uses.entry((key.clone(), digest)) {
            Entry::Occupied(mut entry) => *entry.get_mut() = (entry.get().0 + 1, now),
            Entry::Vacant(_) if is_full => {}
            Entry::Vacant(entry) => drop(entry.insert((1, now))),
        }
    }

    /// Writes down what was gathered. What cannot be written is lost: it is a statistic.
    pub(crate) async fn flush(&self, catalog: &Catalog) {
        let gathered = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if gathered.is_empty() {
            return;
        }
        let uses: Vec<Use> = gathered
            .into_iter()
            .map(|((key, digest), (pulls, last))| Use { key, digest, pulls, last })
            .collect();
        if let Err(error) = catalog.record_uses(&uses).await {
            tracing::warn!(%error, "pulls could not be recorded");
        }
    }
}
