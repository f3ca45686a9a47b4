//! Accounts that a registry refuses for what it gives to everybody, such as one whose password has expired.

use std::time::Duration;

use entrepot_bounded_cache::BoundedCache;

use super::grant::GrantKey;

/// How long such an account is asked last. Sending a wrong password with every request may lock the account.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The most accounts and scopes that are remembered.
const MOST: u64 = 4096;

/// The accounts that were refused lately, each for an origin and a scope.
pub(crate) struct RefusedAccounts(BoundedCache<GrantKey, ()>);

impl RefusedAccounts {
    pub(crate) fn new() -> Self {
        Self(BoundedCache::of_entries(MOST).with_lifetime(REMEMBERED))
    }

    /// True if the account was refused lately where nobody needs one.
    pub(crate) fn include(&self, key: &GrantKey) -> bool {
        self.0.contains_key(key)
    }

    /// Remembers an account. Returns false if it was remembered already.
    pub(crate) fn add(&self, key: GrantKey) -> bool {
        let is_new = !self.0.contains_key(&key);
        self.0.insert(key, ());
        is_new
    }
}
