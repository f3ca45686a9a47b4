//! Accounts that are stored apart from the settings, and may change at any time.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use entrepot_oci::Host;

use crate::credential::Credential;

/// The stored accounts of all registries. Clones share their content: a change counts from the next request of every
/// [`crate::Remote`] on.
#[derive(Clone, Debug, Default)]
pub struct StoredCredentials(Arc<ArcSwap<StoredAccounts>>);

/// The accounts at one moment.
pub(crate) type StoredAccounts = BTreeMap<Host, Vec<Credential>>;

impl StoredCredentials {
    /// Replaces all of them.
    pub fn replace(&self, all: BTreeMap<Host, Vec<Credential>>) {
        self.0.store(Arc::new(all));
    }

    /// True if there is an account for `host`.
    pub fn have(&self, host: &Host) -> bool {
        self.0.load().get(host).is_some_and(|accounts| !accounts.is_empty())
    }

    pub(crate) fn now(&self) -> Arc<StoredAccounts> {
        self.0.load_full()
    }

    pub(crate) fn is_still(&self, accounts: &Arc<StoredAccounts>) -> bool {
        Arc::ptr_eq(&*self.0.load(), accounts)
    }
}
