//! Who pulled which manifest, where the configuration says that this is recorded: counted in memory, and written down in batches.

use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use entrepot_access::Principal;
use entrepot_catalog::{Catalog, Error as CatalogError, PullerRecord};
use entrepot_mirror::RepoKey;
use entrepot_oci::Digest;
use foldhash::quality::RandomState;

use crate::client::Client;

/// The most pulls between two writes. More are not recorded: clients choose what they pull.
const CAPACITY: usize = 50_000;

/// Counts pulls.
#[derive(Default)]
pub(crate) struct Pullers {
    /// For how long they are recorded, in seconds; 0 is not at all.
    keep_for: AtomicU64,
    counts: Mutex<PullerCounts>,
}

type PullerCounts = HashMap<(RepoKey, Digest, String), (u64, SystemTime), RandomState>;

/// Who pulled.
#[derive(Clone, Copy)]
pub(crate) struct Puller<'a> {
    pub(crate) principal: &'a Principal,
    /// The client's address; `None` is the local command line.
    pub(crate) address: Option<IpAddr>,
}

impl Puller<'_> {
    // An account, or else an address; of IPv6 the /64.
    fn label(&self) -> String {
        match (self.principal.account(), Client::at(self.address).address()) {
            (Some(account), _) => format!("account:{}", account.name),
            (None, Some(address @ IpAddr::V4(_))) => address.to_string(),
            (None, Some(address @ IpAddr::V6(_))) => format!("{address}/64"),
            (None, None) => self.principal.label(),
        }
    }
}

impl Pullers {
    /// Records pulls for so long, or not at all.
    pub(crate) fn keep_for(&self, time: Option<Duration>) {
        self.keep_for.store(time.map_or(0, |time| time.as_secs()), Ordering::Relaxed);
    }

    /// For how long pulls are recorded.
    pub(crate) fn kept_for(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.keep_for.load(Ordering::Relaxed))).filter(|time| !time.is_zero())
    }

    /// Counts a pull of a manifest, if they are recorded. One look, if not.
    pub(crate) fn count(&self, puller: impl FnOnce() -> (RepoKey, Digest, String)) {
        if self.keep_for.load(Ordering::Relaxed) == 0 {
            return;
        }
        let (entry, now) = (puller(), SystemTime::now());
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = counts.len() >= CAPACITY;
        match counts.entry(entry) {
            Entry::Occupied(mut entry) => *entry.get_mut() = (entry.get().0 + 1, now),
            Entry::Vacant(_) if is_full => {}
            Entry::Vacant(entry) => drop(entry.insert((1, now))),
        }
    }

    /// Writes down what was counted, and forgets what is too old.
    ///
    /// # Errors
    /// The catalog failed; what was counted is lost.
    pub(crate) async fn write(&self, catalog: &Catalog) -> Result<(), CatalogError> {
        let counts = mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        let pulls = counts.into_iter().map(|((key, digest, client), (pulls, last))| {
            (key, PullerRecord { digest, client, pulls, last })
        });
        catalog.record_pullers(&pulls.collect::<Vec<_>>()).await
    }

    /// Removes what is older than it may be; all of it, if nothing is recorded any more.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn trim(&self, catalog: &Catalog) -> Result<u64, CatalogError> {
        let before = SystemTime::now() - self.kept_for().unwrap_or_default();
        catalog.trim_pullers(before).await
    }
}

/// An entry for [`Pullers::count`].
pub(crate) fn pulled(puller: Puller<'_>, key: &RepoKey, digest: Digest) -> (RepoKey, Digest, String) {
    (key.clone(), digest, puller.label())
}

#[cfg(test)]
mod tests {
    use entrepot_catalog::Location;
    use entrepot_mirror::Origin;

    use super::*;

    #[tokio::test]
    async fn pulls_are_recorded_only_where_that_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("x.db"))).await.unwrap();
        let origin = Origin::Upstream("quay.io".parse().unwrap());
        let key = RepoKey { origin, repository: "a/b".parse().unwrap() };
        let (pullers, digest) = (Pullers::default(), Digest::of(b"x"));
        let pull = |from: &str| {
            let puller = Puller { principal: &Principal::ANONYMOUS, address: from.parse().ok() };
            pullers.count(|| pulled(puller, &key, digest));
        };
        let known = async || {
            pullers.write(&catalog).await.unwrap();
            let known = catalog.pullers(&key, SystemTime::UNIX_EPOCH, 10).await.unwrap().rows;
            known.into_iter().map(|pull| (pull.client, pull.pulls)).collect::<Vec<_>>()
        };
        pull("203.0.113.7");
        assert_eq!((known().await, pullers.kept_for()), (Vec::new(), None));
        pullers.keep_for(Some(Duration::from_secs(60)));
        for from in ["203.0.113.7", "2001:db8::7", "2001:db8::8", ""] {
            pull(from);
        }
        let expected = [("2001:db8::/64", 2), ("203.0.113.7", 1), ("anonymous", 1)];
        assert_eq!(known().await, expected.map(|(client, pulls)| (client.to_owned(), pulls)));
        assert_eq!(pullers.trim(&catalog).await.unwrap(), 0);
        pullers.keep_for(None);
        assert_eq!(pullers.trim(&catalog).await.unwrap(), 3, "nothing is kept that is not written");
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let pullers = Pullers::default();
        pullers.keep_for(Some(Duration::from_secs(60)));
        let key = RepoKey { origin: Origin::Hosted, repository: "a/b".parse().unwrap() };
        for nth in 0..CAPACITY + 10 {
            pullers.count(|| (key.clone(), Digest::of(b"x"), nth.to_string()));
        }
        assert_eq!(pullers.counts.lock().unwrap().len(), CAPACITY);
    }
}
