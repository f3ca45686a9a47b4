//! Blobs: which repository has one, and where its bytes are.

use std::sync::Arc;

use entrepot_blobs::{Held, Staged};
use entrepot_catalog::{Origin, RepoKey, Unlinked};
use entrepot_oci::{Digest, Host};

use super::Holdings;
use crate::{
    error::Error,
    store::{blobs_failed, store_failed},
};

/// The most repositories that have a blob which are looked through for one of the same registry.
const HOLDERS: usize = 100;

impl Holdings {
    /// A blob of the repository, ready to be sent. `None` if the repository does not have it, or if its bytes are lost.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn blob(&self, key: &RepoKey, digest: &Digest) -> Result<Option<Held>, Error> {
        if self.blob_size(key, digest).await?.is_none() {
            return Ok(None);
        }
        let held = self.blobs.get(digest).await.map_err(blobs_failed)?;
        if held.is_none() {
            // The record stays: the bytes are fetched or pushed again.
            self.memory.links.invalidate(&(key.clone(), *digest));
        }
        Ok(held)
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
        let size = match self.catalog.blob(key, digest).await.map_err(store_failed) {
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
        Ok(self.bytes_size(digest).await?.is_some())
    }

    /// The number of bytes of a digest that are there, whichever repository they are for.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn bytes_size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        self.blobs.size(digest).await.map_err(blobs_failed)
    }

    /// The bytes of a digest, whichever repository they are for. They are no permission to read them.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn bytes(&self, digest: &Digest) -> Result<Option<Held>, Error> {
        self.blobs.get(digest).await.map_err(blobs_failed)
    }

    /// True if a repository of that upstream has the blob. May be false although one has it, if more than [`HOLDERS`]
    /// repositories do.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn came_from(&self, host: &Host, digest: &Digest) -> Result<bool, Error> {
        let holders = self.catalog.blob_holders(digest, HOLDERS).await.map_err(store_failed)?;
        Ok(holders.iter().any(|holder| matches!(&holder.origin, Origin::Upstream(of) if of == host)))
    }

    /// The size that manifests of the repository give a blob. Also `None` if the catalog cannot be asked.
    pub(crate) async fn stated_size(&self, key: &RepoKey, digest: &Digest) -> Option<u64> {
        match self.memory.sizes.get(&(key.clone(), *digest)) {
            Some(size) => Some(size),
            None => self.catalog.said_size(key, digest).await.unwrap_or_default(),
        }
    }

    /// Moves a staged file of `size` verified bytes into the store and gives the blob to the repositories. Once this
    /// returns, it survives a power cut.
    ///
    /// # Errors
    /// The store failed. Bytes that nothing records are left behind only where the catalog may still have recorded them.
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
            this.blobs.commit(staged, &digest).await.map_err(blobs_failed)?;
            for key in &keys {
                if let Err(error) = this.link(key, &digest, size).await {
                    this.roll_back(&digest, &error).await;
                    return Err(store_failed(error));
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
            let unlinked = this.catalog.unlink_blob(&key, &digest).await.map_err(store_failed)?;
            this.memory.links.invalidate(&(key, digest));
            match unlinked {
                Unlinked::NotThere => Ok(false),
                Unlinked::StillHeld => Ok(true),
                Unlinked::Last => this.blobs.remove(&digest).await.map(|_| true).map_err(blobs_failed),
            }
        })
        .await
    }

    // The caller holds the digest's lock. The store itself is asked: a cache may know of bytes that are gone by now.
    async fn link_if_there(&self, key: &RepoKey, digest: &Digest, size: u64) -> Result<bool, Error> {
        if self.blobs.look(digest).await.map_err(blobs_failed)?.is_none() {
            return Ok(false);
        }
        self.link(key, digest, size).await.map_err(store_failed)?;
        Ok(true)
    }

    // The caller holds the digest's lock, and the bytes are there.
    async fn link(&self, key: &RepoKey, digest: &Digest, size: u64) -> Result<(), entrepot_catalog::Error> {
        let now = self.clock.now();
        self.catalog.link_blobs(key, &[(*digest, size)], now).await?;
        self.memory.links.insert((key.clone(), *digest), size);
        Ok(())
    }
}
