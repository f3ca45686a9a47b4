//! The registries that a run speaks to.

use std::sync::Arc;

use entrepot_oci::Host;
use entrepot_remote::{Remote, SettingsError};

use crate::{cache::SyncCache, job::Format};

/// A registry as a run needs it.
#[derive(Clone, Debug)]
pub struct Registry {
    /// The client for it.
    pub remote: Remote,
    /// The form of document it takes where a rule does not say.
    pub format: Format,
    /// How many manifest requests to leave of a budget such as Docker Hub's; 0: use all.
    pub reserve: u32,
    /// The largest upload in one request, in bytes; larger blobs go in chunks of this size. `None`: any.
    pub chunk: Option<u64>,
}

/// Finds the registries that a run speaks to, and the cache of what earlier runs found out.
pub trait Registries: Send + Sync {
    /// The registry at `host`; any host, configured or not.
    ///
    /// # Errors
    /// Its settings cannot be used.
    fn registry(&self, host: &Host) -> Result<Registry, SettingsError>;

    /// What earlier runs found out.
    fn cache(&self) -> Arc<dyn SyncCache>;
}
