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
mod eviction;
mod images;
mod manifests;
mod scrub;
mod staging;
pub(crate) mod verify;
mod visibility;

pub(crate) use blobs::OpenedObject;
pub(crate) use eviction::Evicted;
pub(crate) use scrub::Holders;

use std::sync::Arc;

use entrepot_blobs::{Blobs, Error as BlobsError};
use entrepot_catalog::{Catalog, Error as CatalogError, ReturnedImages, Use};
use entrepot_oci::Digest;
use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;

use crate::{
    circuit_breaker::{CircuitBreaker, StoreDown},
    clock::Clock,
    digest_locks::DigestLocks,
    error::Error,
    memory::Memory,
    room::Room,
    store::{blobs_failed, catalog_failed, store_failed},
    tasks::Tasks,
};

/// Everything that [`Holdings`] is made of.
pub(crate) struct Parts {
    pub(crate) blobs: Blobs,
    pub(crate) catalog: Catalog,
    pub(crate) room: Arc<Room>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) clock: Clock,
    pub(crate) tasks: Tasks,
    /// Cancelled when the mirror stops.
    pub(crate) stopping: CancellationToken,
}

/// The blob store, the catalog, and the locks by digest.
pub(crate) struct Holdings {
    blobs: Blobs,
    blobs_breaker: CircuitBreaker,
    catalog: Catalog,
    catalog_breaker: CircuitBreaker,
    room: Arc<Room>,
    locks: DigestLocks,
    memory: Arc<Memory>,
    clock: Clock,
    tasks: Tasks,
}

impl Holdings {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { blobs, catalog, room, memory, clock, tasks, stopping } = parts;
        let (objects, records) = (blobs.clone(), catalog.clone());
        let has_objects = Box::new(move || {
            let objects = objects.clone();
            async move { objects.check().await.is_ok() }.boxed()
        });
        let has_records = Box::new(move || {
            let records = records.clone();
            async move { records.is_reachable().await }.boxed()
        });
        Self {
            blobs_breaker: CircuitBreaker::new(
                "the blob store",
                has_objects,
                tasks.clone(),
                stopping.clone(),
            ),
            catalog_breaker: CircuitBreaker::new("the database", has_records, tasks.clone(), stopping),
            blobs,
            catalog,
            room,
            locks: DigestLocks::default(),
            memory,
            clock,
            tasks,
        }
    }

    /// Runs work that holds a digest's lock to its end, also if the client that wanted it leaves: abandoned half-way, it
    /// would free the lock while the stores still carry out what they were told.
    async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.tasks.spawn(work).await.map_err(store_failed)?
    }

    /// Checks that the catalog and the blob store answer.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::StoreDown`]
    pub(crate) async fn ping(&self) -> Result<(), Error> {
        self.ask_catalog(self.catalog.ping()).await?;
        self.ask_blobs(self.blobs.check()).await
    }

    /// Aborts uploads to an object store that an earlier process left unfinished.
    pub(crate) async fn abort_unfinished(&self) {
        if !self.blobs_breaker.is_down() {
            self.blobs.abort_unfinished().await;
        }
    }

    /// The catalog's answer. At once an error while it is known to be down.
    async fn ask_catalog<T>(
        &self,
        request: impl Future<Output = Result<T, CatalogError>>,
    ) -> Result<T, Error> {
        // Boxed: see `Blobs::get`.
        Box::pin(self.try_catalog(request)).await?.map_err(catalog_failed)
    }

    /// The same with the catalog's own error; the outer one says that it is down.
    async fn try_catalog<T>(
        &self,
        request: impl Future<Output = Result<T, CatalogError>>,
    ) -> Result<Result<T, CatalogError>, Error> {
        let answer = self.catalog_breaker.run(request).await.map_err(is_down)?;
        if answer.as_ref().is_err_and(CatalogError::is_unavailable) {
            self.catalog_breaker.suspect();
        }
        Ok(answer)
    }

    /// What the blob store gives. At once an error while it is known to be down.
    async fn ask_blobs<T>(&self, request: impl Future<Output = Result<T, BlobsError>>) -> Result<T, Error> {
        let answer = self.blobs_breaker.run(request).await.map_err(is_down)?;
        self.look_at(answer)
    }

    /// The outcome of a change of the blob store. It is not begun while the store is known to be down, and waited for once
    /// it has begun: its caller holds the digest's lock until the outcome is known.
    async fn change_blobs<T>(&self, change: impl Future<Output = Result<T, BlobsError>>) -> Result<T, Error> {
        if self.blobs_breaker.is_down() {
            return Err(is_down(StoreDown));
        }
        let outcome = change.await;
        self.look_at(outcome)
    }

    fn look_at<T>(&self, answer: Result<T, BlobsError>) -> Result<T, Error> {
        if answer.as_ref().is_err_and(BlobsError::is_unavailable) {
            self.blobs_breaker.suspect();
        }
        answer.map_err(blobs_failed)
    }

    /// Checks that the catalog is not known to be down, before something is stored that it has to record.
    fn can_record(&self) -> Result<(), Error> {
        if self.catalog_breaker.is_down() { Err(is_down(StoreDown)) } else { Ok(()) }
    }

    /// Closes the catalog. Nothing can be recorded or looked up any more.
    pub(crate) async fn close(&self) {
        self.catalog.close().await;
    }

    /// Records pulls. Those that cannot be recorded are lost: they are a statistic. Returns the evicted images that were pulled
    /// again.
    pub(crate) async fn record_pulls(&self, pulls: Vec<Use>) -> ReturnedImages {
        if pulls.is_empty() {
            return ReturnedImages::default();
        }
        let recorded = self.ask_catalog(self.catalog.record_uses(&pulls)).await;
        recorded.unwrap_or_else(|error| {
            tracing::warn!(%error, "pulls could not be recorded");
            ReturnedImages::default()
        })
    }

    /// Counts anew what repositories have that were changed. Listings do it too: this keeps them fast.
    pub(crate) async fn count_changes(&self) {
        if let Err(error) = self.ask_catalog(self.catalog.count_changes()).await {
            tracing::warn!(%error, "what repositories have could not be counted");
        }
    }

    /// Deletes the bytes of a digest that nothing records any more; returns whether there were any. The caller holds the
    /// digest's lock.
    async fn delete_unrecorded(&self, digest: &Digest) -> Result<bool, Error> {
        if self.ask_catalog(self.catalog.is_held(digest)).await? {
            return Ok(false);
        }
        self.change_blobs(self.blobs.remove(digest)).await
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

// The breaker has said so in the log.
fn is_down(down: StoreDown) -> Error {
    tracing::debug!(%down, "not asked");
    Error::StoreDown
}
