//! The quotas of all accounts at all registries, which every client of a process shares: a registry counts an account once,
//! whoever uses it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entrepot_oci::Host;

use crate::quota::Quota;

/// The quotas of accounts. Clones share them.
#[derive(Clone, Default)]
pub struct Quotas(Arc<Mutex<BTreeMap<Key, Quota>>>);

/// A registry, and whom it counts.
type Key = (Host, QuotaOwner);

/// Whom a registry counts pulls for: an account, or else the address of one of several links.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QuotaOwner {
    /// The user name.
    pub(crate) account: Option<String>,
    /// The link, where there is no account and several links.
    pub(crate) link: Option<String>,
}

impl Quotas {
    /// Looks at the quota of a payer, or changes it.
    pub(crate) fn with<T>(&self, host: &Host, owner: &QuotaOwner, look: impl FnOnce(&mut Quota) -> T) -> T {
        let key = (host.clone(), owner.clone());
        look(self.lock().entry(key).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Quota>> {
        // The methods of a quota leave it consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Quotas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Quotas")
    }
}
