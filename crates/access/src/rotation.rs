//! Replacing the key that signs registry tokens, by hand or every 30 days.
//!
//! A key that was replaced verifies until the last token that it signed has ended, so no token is refused because of a
//! rotation or a restart.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    access::Access,
    error::OpenError,
    signing_keys::{SIGNS_FOR, SigningKeys, add, ended},
};

impl Access {
    /// Replaces the key that signs registry tokens. Tokens that were signed before go on working.
    ///
    /// # Errors
    /// The database failed, or a stored key does not open.
    pub async fn rotate_signing_key(&self, now: SystemTime) -> Result<(), OpenError> {
        let _one = self.0.changing_signing_keys.lock().await;
        let newest = self.0.catalog.signing_keys().await?.into_iter().next();
        // The newest one is known by its time, also if the clock went back.
        let after = newest.map_or(now, |newest| now.max(newest.created + Duration::from_millis(1)));
        add(&self.0.catalog, &self.0.keys, after).await?;
        self.reload_signing_keys().await
    }

    /// Replaces the key that signs registry tokens if its time is up, and removes the keys whose last token has ended. To be
    /// called now and then.
    ///
    /// # Errors
    /// As for [`Self::rotate_signing_key`].
    pub async fn tend_signing_keys(&self, now: SystemTime) -> Result<(), OpenError> {
        let known = self.0.catalog.signing_keys().await?;
        if known.first().is_some_and(|newest| newest.created + SIGNS_FOR <= now) {
            self.rotate_signing_key(now).await?;
        }
        let _one = self.0.changing_signing_keys.lock().await;
        let known = self.0.catalog.signing_keys().await?;
        let ended = ended(&known, now);
        for key in &ended {
            self.0.catalog.remove_signing_key(key).await?;
        }
        if ended.is_empty() { Ok(()) } else { self.reload_signing_keys().await }
    }

    async fn reload_signing_keys(&self) -> Result<(), OpenError> {
        let keys = SigningKeys::open(&self.0.catalog, &self.0.keys).await?;
        self.0.signing_keys.store(Arc::new(keys));
        Ok(())
    }
}
