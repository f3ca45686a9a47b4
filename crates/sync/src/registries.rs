//! Access to the registries of a run.

use std::sync::Arc;

use entrepot_oci::Host;
use entrepot_remote::{Remote, SettingsError};

use crate::{cache::SyncCache, job::Format};

/// A registry, with its settings for a run.
#[derive(Clone, Debug)]
pub struct Registry {
    /// The client.
    pub remote: Remote,
    /// The manifest format it accepts, unless a rule says otherwise.
    pub format: Format,
    /// Manifest requests to leave of a budget such as Docker Hub's; 0 uses all.
    pub reserve: u32,
    /// The largest upload in one request, in bytes; larger blobs are sent in chunks of this size. `None` means no
    /// limit.
    pub chunk: Option<u64>,
}

/// Provides the registries of a run, and the cache of earlier results.
pub trait Registries: Send + Sync {
    /// The registry at `host`; any host, configured or not.
    ///
    /// # Errors
    /// Its settings cannot be used.
    fn registry(&self, host: &Host) -> Result<Registry, SettingsError>;

    /// The cache of earlier results.
    fn cache(&self) -> Arc<dyn SyncCache>;
}
