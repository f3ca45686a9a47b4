//! What runs found out, kept in the catalog. Where that fails, the log says so and the run asks the registry instead.

use std::time::SystemTime;

use entrepot_catalog::{Catalog, Error};
use entrepot_oci::Digest;
use entrepot_sync::{Ledger, Shape};
use futures_util::future::BoxFuture;

/// The memory of runs that have a catalog.
#[derive(Clone, Debug)]
pub struct CatalogLedger(Catalog);

impl CatalogLedger {
    /// Kept in `catalog`.
    pub fn new(catalog: Catalog) -> Self {
        Self(catalog)
    }
}

impl Ledger for CatalogLedger {
    fn converted<'a>(&'a self, source: &'a Digest, shape: &'a Shape) -> BoxFuture<'a, Option<Digest>> {
        Box::pin(async move { told(self.0.converted(source, &shape.to_string()).await).flatten() })
    }

    fn remember<'a>(
        &'a self,
        source: &'a Digest,
        shape: &'a Shape,
        converted: &'a Digest,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            told(self.0.remember_converted(source, &shape.to_string(), converted).await);
        })
    }

    fn verified<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(async move { told(self.0.is_verified(tag).await).unwrap_or(false) })
    }

    fn verify<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            told(self.0.set_verified(tag, SystemTime::now()).await);
        })
    }
}

fn told<T>(result: Result<T, Error>) -> Option<T> {
    result.inspect_err(|error| tracing::warn!(%error, "what runs found out cannot be looked up or kept")).ok()
}
