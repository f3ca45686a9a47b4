//! What upstreams said of repositories to those without an account. Nothing here is content.

use std::time::SystemTime;

use entrepot_catalog::{RepoKey, VisibilityRecord};
use entrepot_oci::{Host, Repository};

use super::Holdings;

impl Holdings {
    /// Whether a repository is public, if that is recorded and the catalog can be asked.
    pub(crate) async fn visibility(&self, key: &RepoKey) -> Option<VisibilityRecord> {
        self.ask_catalog(self.catalog.visibility(key)).await.unwrap_or_default()
    }

    /// Records whether a repository is public. What cannot be recorded is asked again.
    pub(crate) async fn set_visibility(&self, key: &RepoKey, record: VisibilityRecord) {
        if let Err(error) = self.ask_catalog(self.catalog.set_visibility(key, record)).await {
            tracing::warn!(%key, %error, "whether a repository is public could not be recorded");
        }
    }

    /// Forgets what was recorded before a time, and all but the latest `most` of what is not public.
    pub(crate) async fn trim_visibility(&self, before: SystemTime, most: usize) {
        if let Err(error) = self.ask_catalog(self.catalog.trim_visibility(before, most)).await {
            tracing::warn!(%error, "old records of what is public could not be removed");
        }
    }

    /// Adds to the namespaces of an upstream that accounts are used for, and returns all that there ever were. `None` is the
    /// whole registry, and also what is returned if the catalog cannot say.
    pub(crate) async fn upstream_accounts(
        &self,
        host: &Host,
        now: &[Option<Repository>],
    ) -> Vec<Option<Repository>> {
        let known = async {
            for namespace in now {
                self.ask_catalog(self.catalog.add_upstream_account(host, namespace.as_ref())).await?;
            }
            self.ask_catalog(self.catalog.upstream_accounts(host)).await
        };
        known.await.unwrap_or_else(|error| {
            tracing::warn!(%host, %error, "it is not known whether accounts were used: nothing is taken for public unasked");
            vec![None]
        })
    }
}
