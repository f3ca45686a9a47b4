//! Blobs: which repository has one, and where its bytes are.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use entrepot_blobs::{HeldBlob, ObjectBlob, Staged, StoreOutcome};
use entrepot_catalog::{Origin, RepoKey, UnlinkOutcome};
use entrepot_oci::{Digest, Host};

use futures_util::stream::BoxStream;

use super::Holdings;
use crate::{error::Error, store::catalog_failed};

/// The most repositories that have a blob which are looked through for one of the same registry.
const HOLDERS: usize = 100;

/// The outcome of opening an object.
pub(crate) enum OpenedObject {
    /// Its bytes have begun to come.
    Bytes(BoxStream<'static, Result<Bytes, entrepot_blobs::Error>>),
    /// They are at this address.
    Elsewhere(String),
    /// Somebody else removed or replaced it.
    Gone,
}

impl Holdings {
    /// A blob of the repository, ready to be sent. `None` if the repository does not have it, or if its bytes are lost.
    ///
    /// # Errors
    /// The store failed, and the repository is hosted. For others the upstream can still answer.
    pub(crate) async fn blob(&self, key: &RepoKey, digest: &Digest) -> Result<Option<HeldBlob>, Error> {
        let Some(size) = self.blob_size(key, digest).await? else { return Ok(None) };
        match self.bytes_of(digest, size).await {
            Ok(Some(held)) => return Ok(Some(held)),
            Err(error) if key.origin == Origin::Hosted => return Err(error),
            Ok(None) | Err(_) => {}
        }
        // The record stays: the bytes are fetched or pushed again.
        self.memory.links.remove(&(key.clone(), *digest));
        Ok(None)
    }

    /// The bytes of a blob that is recorded with this size. `None` if they are lost.
    async fn bytes_of(&self, digest: &Digest, size: u64) -> Result<Option<HeldBlob>, Error> {
        let held = self.ask_blobs(self.blobs.get(digest)).await?;
        if held.as_ref().is_some_and(|held| held.size() == size) {
            return Ok(held);
        }
        self.check_loss().await?;
        Ok(None)
    }

    /// Forgets that the bytes of a repository's blob are there, after they turned out not to be.
    ///
    /// # Errors
    /// They may be there: it is the store that is away.
    pub(crate) async fn lost(&self, key: &RepoKey, digest: &Digest) -> Result<(), Error> {
        self.blobs.forget(digest);
        self.memory.links.remove(&(key.clone(), *digest));
        self.check_loss().await
    }

    /// Checks that what was not found in the blob store is really lost: a disk that is not mounted and a bucket that is gone
    /// have nothing either.
    ///
    /// # Errors
    /// The store is away.
    pub(super) async fn check_loss(&self) -> Result<(), Error> {
        self.ask_blobs(self.blobs.check()).await
    }

    /// Starts the bytes of an object, which may be gone: see [`Holdings::lost`]. Its client may be sent to the store only
    /// with `may_redirect`.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn open_object(
        &self,
        object: &ObjectBlob,
        range: Range<u64>,
        may_redirect: bool,
    ) -> Result<OpenedObject, Error> {
        let open = async {
            let link = if may_redirect { object.link().await? } else { None };
            match link {
                Some(link) => Ok(OpenedObject::Elsewhere(link.into())),
                None => Ok(OpenedObject::Bytes(object.stream(range).await?)),
            }
        };
        let opened = async {
            match open.await {
                Err(entrepot_blobs::Error::Gone) => Ok(OpenedObject::Gone),
                opened => opened,
            }
        };
        self.ask_blobs(opened).await
    }

    /// The size of a blob that the repository has by the catalog's word. Its bytes may be lost.
    ///
    /// # Errors
    /// The catalog failed, and the repository is hosted. For others the upstream can still answer.
    pub(crate) async fn blob_size(&self, key: &RepoKey, digest: &Digest) -> Result<Option<u64>, Error> {
        let entry = (key.clone(), *digest);
        if let Some(size) = self.memory.links.get(&entry) {
            return Ok(Some(size));
        }
        let size = match self.ask_catalog(self.catalog.blob(key, digest)).await {
            Ok(size) => size,
            Err(_) if key.origin != Origin::Hosted => None,
            Err(error) => return Err(error),
        };
        if let Some(size) = size {
            self.memory.links.insert(entry, size);
        }
        Ok(size)
    }

    /// True if the bytes of a digest are there, whichever repository they are for. A cache may know.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn has_bytes(&self, digest: &Digest) -> Result<bool, Error> {
        let is_there = self.bytes_size(digest).await?.is_some();
        if !is_there {
            self.check_loss().await?;
        }
        Ok(is_there)
    }

    /// The number of bytes of a digest that are there, whichever repository they are for.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn bytes_size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        self.ask_blobs(self.blobs.size(digest)).await
    }

    /// The bytes of a digest, whichever repository they are for. They are no permission to read them.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn bytes(&self, digest: &Digest) -> Result<Option<HeldBlob>, Error> {
        self.ask_blobs(self.blobs.get(digest)).await
    }

    /// True if a repository of that upstream has the blob. May be false although one has it, if more than [`HOLDERS`]
    /// repositories do.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn came_from(&self, host: &Host, digest: &Digest) -> Result<bool, Error> {
        let holders = self.ask_catalog(self.catalog.blob_holders(digest, HOLDERS)).await?;
        Ok(holders.iter().any(|holder| matches!(&holder.origin, Origin::Upstream(of) if of == host)))
    }

    /// The size that manifests of the repository give a blob. Also `None` if the catalog cannot be asked.
    pub(crate) async fn stated_size(&self, key: &RepoKey, digest: &Digest) -> Option<u64> {
        match self.memory.sizes.get(&(key.clone(), *digest)) {
            Some(stated) => Some(stated.size),
            None => self.ask_catalog(self.catalog.said_size(key, digest)).await.unwrap_or_default(),
        }
    }

    /// Moves a staged file of `size` verified bytes into the store and gives the blob to the repositories. Once this
    /// returns, it survives a power cut.
    ///
    /// # Errors
    /// The store failed. Bytes that nothing records are left behind only where the catalog may still have recorded them, or
    /// went down meanwhile; while it is known to be down, the staged file stays as it is.
    pub(crate) async fn commit_blob(
        self: &Arc<Self>,
        staged: Staged,
        digest: &Digest,
        size: u64,
        keys: &[RepoKey],
    ) -> Result<(), Error> {
        let (this, digest, keys) = (Arc::clone(self), *digest, keys.to_vec());
        self.to_its_end(async move {
            let _guard = this.locks.lock(&digest).await;
            this.can_record()?;
            if this.change_blobs(this.blobs.commit(staged, &digest)).await? == StoreOutcome::New {
                this.room.came(size);
            }
            for key in &keys {
                if let Err(error) = this.link(key, &digest, size).await? {
                    this.roll_back(&digest, &error).await;
                    return Err(catalog_failed(error));
                }
            }
            Ok(())
        })
        .await
    }

    /// Gives a repository a blob whose bytes are there already; the caller has made sure that it may have them. Returns
    /// whether they are still there.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn adopt_blob(
        self: &Arc<Self>,
        key: &RepoKey,
        digest: &Digest,
        size: u64,
    ) -> Result<bool, Error> {
        let (this, key, digest) = (Arc::clone(self), key.clone(), *digest);
        self.to_its_end(async move {
            let _guard = this.locks.lock(&digest).await;
            this.link_if_there(&key, &digest, size).await
        })
        .await
    }

    /// Gives `to` a blob that `from` has. Returns whether `from` has it, bytes and all.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn mount_blob(
        self: &Arc<Self>,
        from: &RepoKey,
        to: &RepoKey,
        digest: &Digest,
    ) -> Result<bool, Error> {
        let (this, from, to, digest) = (Arc::clone(self), from.clone(), to.clone(), *digest);
        self.to_its_end(async move {
            let _guard = this.locks.lock(&digest).await;
            match this.blob_size(&from, &digest).await?.filter(|_| from != to) {
                Some(size) => this.link_if_there(&to, &digest, size).await,
                None => Ok(false),
            }
        })
        .await
    }

    /// Takes a blob from a repository, and deletes its bytes if no other has it. Returns whether the repository had it.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn unlink_blob(self: &Arc<Self>, key: &RepoKey, digest: &Digest) -> Result<bool, Error> {
        let (this, key, digest) = (Arc::clone(self), key.clone(), *digest);
        self.to_its_end(async move {
            let _guard = this.locks.lock(&digest).await;
            let unlinked = this.ask_catalog(this.catalog.unlink_blob(&key, &digest)).await?;
            this.memory.links.remove(&(key, digest));
            match unlinked {
                UnlinkOutcome::NotThere => Ok(false),
                UnlinkOutcome::StillHeld => Ok(true),
                UnlinkOutcome::Last => this.change_blobs(this.blobs.remove(&digest)).await.map(|_| true),
            }
        })
        .await
    }

    // The caller holds the digest's lock. The store itself is asked: a cache may know of bytes that are gone by now.
    async fn link_if_there(&self, key: &RepoKey, digest: &Digest, size: u64) -> Result<bool, Error> {
        if self.ask_blobs(self.blobs.look(digest)).await?.is_none() {
            return Ok(false);
        }
        self.link(key, digest, size).await?.map_err(catalog_failed)?;
        Ok(true)
    }

    // The caller holds the digest's lock, and the bytes are there. The outer error says that the catalog is down.
    async fn link(
        &self,
        key: &RepoKey,
        digest: &Digest,
        size: u64,
    ) -> Result<Result<(), entrepot_catalog::Error>, Error> {
        let now = self.clock.now();
        if let Err(error) = self.try_catalog(self.catalog.link_blobs(key, &[(*digest, size)], now)).await? {
            return Ok(Err(error));
        }
        self.memory.links.insert((key.clone(), *digest), size);
        Ok(Ok(()))
    }
}
