//! What runs found out, kept in the catalog. If the catalog fails, the log says so and the run asks the registry again.

use std::time::SystemTime;

use entrepot_catalog::{Catalog, Error};
use entrepot_oci::Digest;
use entrepot_sync::{Shape, SyncCache};
use futures_util::future::BoxFuture;

/// A [`SyncCache`] in a catalog.
#[derive(Clone, Debug)]
pub struct CatalogCache(Catalog);

impl CatalogCache {
    /// A cache that is kept in `catalog`.
    pub fn new(catalog: Catalog) -> Self {
        Self(catalog)
    }
}

impl SyncCache for CatalogCache {
    fn converted<'a>(&'a self, source: &'a Digest, shape: &'a Shape) -> BoxFuture<'a, Option<Digest>> {
        Box::pin(async move { logged(self.0.converted(source, &shape.to_string()).await).flatten() })
    }

    fn remember<'a>(
        &'a self,
        source: &'a Digest,
        shape: &'a Shape,
        converted: &'a Digest,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            logged(self.0.remember_converted(source, &shape.to_string(), converted).await);
        })
    }

    fn verified<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(async move { logged(self.0.is_verified(tag).await).unwrap_or(false) })
    }

    fn verify<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            logged(self.0.set_verified(tag, SystemTime::now()).await);
        })
    }
}

fn logged<T>(result: Result<T, Error>) -> Option<T> {
    result.inspect_err(|error| tracing::warn!(%error, "what runs found out cannot be looked up or kept")).ok()
}
