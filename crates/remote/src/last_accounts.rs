//! The accounts that repositories were last pulled with.

use std::time::Duration;

use entrepot_bounded_cache::BoundedCache;
use entrepot_oci::Repository;

/// How long a repository keeps its account after its last request.
const STAYS: Duration = Duration::from_secs(10 * 60);
/// The most repositories whose account is remembered.
const MOST: u64 = 10_000;

/// The accounts that repositories were last pulled with, by their ids.
pub(crate) struct LastAccounts(BoundedCache<Repository, usize>);

impl LastAccounts {
    pub(crate) fn new() -> Self {
        Self(BoundedCache::of_entries(MOST).with_lifetime(STAYS))
    }

    /// The account of a repository, if there was one lately.
    pub(crate) fn of(&self, repository: &Repository) -> Option<usize> {
        self.0.get(repository)
    }

    /// Remembers the account that a request was sent with.
    pub(crate) fn note(&self, repository: &Repository, account: usize) {
        self.0.insert(repository.clone(), account);
    }
}
