//! What a run needs from whoever runs it: registries to speak to, and a memory.

use std::sync::Arc;

use entrepot_oci::{Digest, Host};
use entrepot_remote::{Remote, SettingsError};
use futures_util::future::BoxFuture;

use crate::{Format, Shape};

/// A registry as a run needs it.
#[derive(Clone, Debug)]
pub struct Registry {
    /// How to speak to it.
    pub remote: Remote,
    /// The form of document it takes where a rule does not say.
    pub format: Format,
    /// How many manifest requests to leave of a budget such as Docker Hub's; 0: use all.
    pub reserve: u32,
    /// The largest upload in one request, in bytes; larger blobs go in chunks of this size. `None`: any.
    pub chunk: Option<u64>,
}

/// What a run needs from whoever runs it.
pub trait World: Send + Sync {
    /// How to speak to `host`; any host, configured or not.
    ///
    /// # Errors
    /// Its settings cannot be used.
    fn registry(&self, host: &Host) -> Result<Registry, SettingsError>;

    /// What earlier runs found out.
    fn ledger(&self) -> Arc<dyn Ledger>;
}

/// What runs remember: which digest an image has in another form. Losing it costs requests, never correctness.
pub trait Ledger: Send + Sync {
    /// The digest of `source` in the form of `shape`, if it is known.
    fn converted<'a>(&'a self, source: &'a Digest, shape: &'a Shape) -> BoxFuture<'a, Option<Digest>>;

    /// Remembers it.
    fn remember<'a>(
        &'a self,
        source: &'a Digest,
        shape: &'a Shape,
        converted: &'a Digest,
    ) -> BoxFuture<'a, ()>;

    /// Whether `tag` (a whole reference at a target) was seen to be equal to its source, for tags that never change.
    fn verified<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, bool>;

    /// Remembers that.
    fn verify<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, ()>;
}
