//! The accounts that repositories were last pulled with.

use std::time::Duration;

use entrepot_oci::Repository;
use moka::sync::Cache;

/// How long a repository keeps its account after its last request.
const STAYS: Duration = Duration::from_secs(10 * 60);
/// The most repositories whose account is remembered.
const MOST: u64 = 10_000;

/// The accounts that repositories were last pulled with, by their ids.
pub(crate) struct LastAccounts(Cache<Repository, usize>);

impl LastAccounts {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_idle(STAYS).build())
    }

    /// The account of a repository, if there was one lately.
    pub(crate) fn of(&self, repository: &Repository) -> Option<usize> {
        self.0.get(repository)
    }

    /// Remembers the account of a repository.
    pub(crate) fn note(&self, repository: &Repository, account: usize) {
        if self.0.get(repository) != Some(account) {
            self.0.insert(repository.clone(), account);
        }
    }
}
