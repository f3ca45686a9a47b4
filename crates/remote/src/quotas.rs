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

/// A registry, and the user name at it.
type Key = (Host, Option<String>);

impl Quotas {
    /// Looks at the quota of an account, or changes it.
    pub(crate) fn with<T>(
        &self,
        host: &Host,
        account: Option<&str>,
        look: impl FnOnce(&mut Quota) -> T,
    ) -> T {
        let key = (host.clone(), account.map(str::to_owned));
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
