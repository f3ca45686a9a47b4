//! Everything that this mirror holds: bytes in the blob store, records in the catalog, and the locks that keep the two in step.
//!
//! - Durability order: bytes are durable before the record of them is written, and the record before a push is
//!   acknowledged. So a record has its bytes, unless the store lost them. What is mirrored may be served before it is
//!   stored, since it can be fetched again.
//! - Lock order: a digest's lock is taken last, after an upload session's, and nobody holds two of them. It is held from
//!   before bytes are committed until they are recorded, and from before the last record is looked for until the bytes
//!   are deleted: content that has just been recorded is never deleted. Work under a lock runs to its end, also if its
//!   client leaves.
//! - Caches: what is hosted enters a cache after its record is written, and leaves it after its record is removed. A
//!   mirrored manifest enters it when it is fetched.
//!
//! Nothing else in this crate writes to the blob store or to the catalog.

mod blobs;
mod images;
mod manifests;
mod staging;
pub(crate) mod verify;

use std::sync::Arc;

use entrepot_blobs::Blobs;
use entrepot_catalog::{Catalog, Use};
use entrepot_oci::Digest;

use crate::{
    clock::Clock,
    digest_locks::DigestLocks,
    error::Error,
    memory::Memory,
    store::{blobs_failed, store_failed},
    tasks::Tasks,
};

/// The blob store, the catalog, and the locks by digest.
pub(crate) struct Holdings {
    blobs: Blobs,
    catalog: Catalog,
    locks: DigestLocks,
    memory: Arc<Memory>,
    clock: Clock,
    tasks: Tasks,
}

/// Where bytes and records are kept.
pub(crate) struct Stores {
    pub(crate) blobs: Blobs,
    pub(crate) catalog: Catalog,
}

impl Holdings {
    pub(crate) fn new(stores: Stores, memory: Arc<Memory>, clock: Clock, tasks: Tasks) -> Self {
        let Stores { blobs, catalog } = stores;
        Self { blobs, catalog, locks: DigestLocks::default(), memory, clock, tasks }
    }

    /// Runs work that holds a digest's lock to its end, also if the client that wanted it leaves: abandoned half-way, it
    /// would free the lock while the stores still carry out what they were told.
    async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.tasks.spawn(work).await.map_err(store_failed)?
    }

    /// Checks that the catalog answers.
    ///
    /// # Errors
    /// [`Error::Store`]
    pub(crate) async fn ping(&self) -> Result<(), Error> {
        self.catalog.ping().await.map_err(store_failed)
    }

    /// Closes the catalog. Nothing can be recorded or looked up any more.
    pub(crate) async fn close(&self) {
        self.catalog.close().await;
    }

    /// Records pulls. Those that cannot be recorded are lost: they are a statistic.
    pub(crate) async fn record_pulls(&self, pulls: Vec<Use>) {
        if pulls.is_empty() {
            return;
        }
        if let Err(error) = self.catalog.record_uses(&pulls).await {
            tracing::warn!(%error, "pulls could not be recorded");
        }
    }

    /// Counts anew what repositories have that were changed. Listings do it too: this keeps them fast.
    pub(crate) async fn count_changes(&self) {
        if let Err(error) = self.catalog.count_changes().await {
            tracing::warn!(%error, "what repositories have could not be counted");
        }
    }

    /// Deletes the bytes of a digest that nothing records any more; returns whether there were any. The caller holds the
    /// digest's lock.
    async fn delete_unrecorded(&self, digest: &Digest) -> Result<bool, Error> {
        if self.catalog.is_held(digest).await.map_err(store_failed)? {
            return Ok(false);
        }
        self.blobs.remove(digest).await.map_err(blobs_failed)
    }

    /// Deletes bytes whose record could not be written, unless something else records them. The caller holds the digest's
    /// lock.
    async fn roll_back(&self, digest: &Digest, why: &entrepot_catalog::Error) {
        // The record may come after all: the bytes stay, and if it does not, verification finds them.
        if why.may_have_happened() {
            return;
        }
        if let Err(error) = self.delete_unrecorded(digest).await {
            tracing::warn!(%digest, %error, "bytes without a record stay behind");
        }
    }
}
