//! What stays and what goes: pins, the facts for a decision, and the eviction of one image.

use std::{sync::Arc, time::SystemTime};

use entrepot_blobs::RESERVE;
use entrepot_catalog::{
    Conditions, HeldRepository, Listing, NewPin, PinFilter, PinRecord, PinSource, RepoKey, RepositoryContent,
    RetireOutcome, RetiredContent, ReturnedImage, SpareReason,
};
use entrepot_oci::{Digest, Page};

use super::Holdings;
use crate::error::Error;

/// How many repositories are looked for at a time.
const REPOSITORIES: usize = 500;

/// The outcome of evicting an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evicted {
    /// It is gone; so many bytes were freed.
    Gone(u64),
    /// It stays.
    Spared(SpareReason),
}

impl Holdings {
    /// Pins images.
    ///
    /// # Errors
    /// The catalog failed; then none is pinned.
    pub(crate) async fn pin(&self, pins: &[NewPin]) -> Result<(), Error> {
        self.ask_catalog(self.catalog.pin(pins, self.clock.now())).await
    }

    /// Makes `pins` all that a holder pins.
    ///
    /// # Errors
    /// The catalog failed; then nothing has changed.
    pub(crate) async fn replace_pins(
        &self,
        source: PinSource,
        held_by: &str,
        pins: &[NewPin],
    ) -> Result<(), Error> {
        let now = self.clock.now();
        self.ask_catalog(self.catalog.replace_pins(source, held_by, pins, now)).await
    }

    /// Ends pins. Returns how many.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn unpin(&self, filter: &PinFilter) -> Result<u64, Error> {
        self.ask_catalog(self.catalog.unpin(filter)).await
    }

    /// Ends pins whose time is up, and forgets what was evicted before a time or is too much to remember.
    pub(crate) async fn trim_pins_and_ghosts(&self, ghosts_since: SystemTime, most_ghosts: usize) {
        let now = self.clock.now();
        if let Err(error) = self.ask_catalog(self.catalog.expire_pins(now)).await {
            tracing::warn!(%error, "pins whose time is up could not be ended");
        }
        if let Err(error) = self.ask_catalog(self.catalog.trim_ghosts(ghosts_since, most_ghosts)).await {
            tracing::warn!(%error, "evicted images could not be forgotten");
        }
    }

    /// A page of pins.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn pins(&self, filter: &PinFilter, page: &Page) -> Result<Listing<PinRecord>, Error> {
        self.ask_catalog(self.catalog.pins(filter, page)).await
    }

    /// The images that were evicted since a time and were pulled again.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn returned_images(&self, since: SystemTime) -> Result<Vec<ReturnedImage>, Error> {
        self.ask_catalog(self.catalog.returned_images(since)).await
    }

    /// Repositories of which anything is held, after a place in their order; none at the end.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn next_repositories(&self, after: Option<i64>) -> Result<Vec<HeldRepository>, Error> {
        self.ask_catalog(self.catalog.next_repositories(after, REPOSITORIES)).await
    }

    /// Tells all that a repository holds.
    ///
    /// # Errors
    /// The catalog failed; then only a part was told.
    pub(crate) async fn contents(
        &self,
        of: &HeldRepository,
        tell: &mut (dyn FnMut(RepositoryContent) + Send),
    ) -> Result<(), Error> {
        self.ask_catalog(self.catalog.contents(of, self.clock.now(), tell)).await
    }

    /// Evicts an image unless something speaks for it.
    ///
    /// # Errors
    /// The store failed. Bytes that were not deleted stay behind without a record, until they are found.
    pub(crate) async fn evict(
        self: &Arc<Self>,
        key: &RepoKey,
        root: &Digest,
        on: Conditions,
    ) -> Result<Evicted, Error> {
        let (this, key, root) = (Arc::clone(self), key.clone(), *root);
        self.to_its_end(async move {
            match this.ask_catalog(this.catalog.retire(&key, &root, &on)).await? {
                RetireOutcome::Spared(why) => Ok(Evicted::Spared(why)),
                RetireOutcome::Gone(gone) => this.let_go(&key, gone).await.map(Evicted::Gone),
            }
        })
        .await
    }

    /// Takes blobs from an upstream's repository that came before a time and belong to no image. Returns the bytes that were
    /// freed.
    ///
    /// # Errors
    /// As [`Holdings::evict`].
    pub(crate) async fn evict_strays(
        self: &Arc<Self>,
        key: &RepoKey,
        before: SystemTime,
    ) -> Result<u64, Error> {
        let (this, key) = (Arc::clone(self), key.clone());
        self.to_its_end(async move {
            let gone = this.ask_catalog(this.catalog.retire_strays(&key, before)).await?;
            this.let_go(&key, gone).await
        })
        .await
    }

    /// Forgets what a repository no longer has, and deletes the bytes of what nobody has. Returns the bytes that were freed.
    async fn let_go(&self, key: &RepoKey, gone: RetiredContent) -> Result<u64, Error> {
        for tag in gone.tags {
            self.memory.tags.remove(&(key.clone(), tag));
        }
        for digest in gone.manifests {
            self.memory.manifests.remove(&(key.clone(), digest));
        }
        for digest in gone.blobs {
            self.memory.links.remove(&(key.clone(), digest));
        }
        self.delete_orphans(&gone.orphans).await
    }

    /// Deletes the bytes of digests that nobody had any more; they may have come back. Returns the bytes that were freed.
    pub(super) async fn delete_orphans(&self, orphans: &[(Digest, u64)]) -> Result<u64, Error> {
        let mut freed = 0;
        for (digest, size) in orphans {
            let _guard = self.locks.lock(digest).await;
            if self.delete_unrecorded(digest).await? {
                freed += size;
                self.room.went(*size);
            }
        }
        Ok(freed)
    }

    /// The bytes that are free on the disk; `None` where the blobs are somewhere else, or if the disk does not say.
    pub(crate) fn free_space(&self) -> Option<u64> {
        self.blobs.free_space().ok().filter(|_| self.blobs.are_files())
    }

    /// Keeps some space back on a disk that has enough, so that something can be removed when it is full.
    pub(crate) async fn hold_reserve(&self, free: Option<u64>) {
        if free.is_some_and(|free| free > 4 * RESERVE)
            && let Err(error) = self.blobs.hold_reserve().await
        {
            tracing::warn!(%error, "no space can be kept back for when the disk is full");
        }
    }

    /// Gives that space back if the disk is full.
    pub(crate) async fn release_reserve(&self, free: Option<u64>) {
        if free.is_none_or(|free| free > RESERVE) {
            return;
        }
        match self.blobs.release_reserve().await {
            Ok(true) => {
                tracing::warn!(?free, "the disk is full: the space that was kept back is used to make room")
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the space that was kept back cannot be given back"),
        }
    }

    /// The size of the smallest known image that names a blob, as its manifest says.
    pub(crate) async fn size_around(&self, key: &RepoKey, digest: &Digest) -> Option<u64> {
        let stated = self.memory.sizes.get(&(key.clone(), *digest)).map(|stated| stated.image);
        let mut sizes: Vec<_> = stated.into_iter().collect();
        for parent in self.named_by(key, digest).await {
            sizes.extend(self.ask_catalog(self.catalog.image_size(key, &parent)).await.ok().flatten());
        }
        sizes.into_iter().min()
    }

    /// Whether a pin is on something that leads to a blob.
    pub(crate) async fn is_pinned(&self, key: &RepoKey, digest: &Digest) -> bool {
        let stated = self.memory.sizes.get(&(key.clone(), *digest)).map(|stated| stated.manifest);
        let mut digests = Vec::new();
        // A manifest that came a moment ago may not be recorded yet.
        for start in stated.iter().chain([digest]) {
            let above = self.lineage(key, start).await.unwrap_or_default();
            digests.extend(above.iter().map(|ancestor| ancestor.digest));
        }
        let pinned = self.catalog.is_pinned(key, &digests, self.clock.now());
        self.ask_catalog(pinned).await.unwrap_or_default()
    }
}
