//! Manifests and tags: their bytes, their records, and what is listed of them.

use std::{sync::Arc, time::SystemTime};

use entrepot_bounded_cache::Change;
use entrepot_catalog::{Ancestor, NewManifest, Origin, RepoKey, TagList};
use entrepot_oci::{Descriptor, Digest, MAX_MANIFEST_BYTES, Manifest, Page, Tag};

use super::Holdings;
use crate::{
    error::Error, freshness::is_hosted_fresh, memory::TagState, served::HeldManifest, store::catalog_failed,
};

impl Holdings {
    /// A manifest of the repository. `None` if the repository does not have it, or if its bytes are lost.
    ///
    /// # Errors
    /// The store failed, or there is no memory for it.
    pub(crate) async fn manifest(
        &self,
        key: &RepoKey,
        digest: &Digest,
    ) -> Result<Option<Arc<HeldManifest>>, Error> {
        let entry = (key.clone(), *digest);
        if let Some(manifest) = self.memory.manifests.get(&entry) {
            return Ok(Some(manifest));
        }
        // Boxed: see `Blobs::get`.
        Box::pin(self.load_manifest(entry)).await
    }

    async fn load_manifest(&self, entry: (RepoKey, Digest)) -> Result<Option<Arc<HeldManifest>>, Error> {
        let (key, digest) = (&entry.0, &entry.1);
        let Some(record) = self.ask_catalog(self.catalog.manifest(key, digest)).await? else {
            return Ok(None);
        };
        let Some(bytes) = self.ask_blobs(self.blobs.read(digest, MAX_MANIFEST_BYTES as u64)).await? else {
            self.check_loss().await?;
            return Ok(None);
        };
        let bytes = self.memory.charge(bytes)?;
        let manifest = Arc::new(HeldManifest { digest: *digest, media_type: record.media_type, bytes });
        self.memory.manifests.insert(entry, Arc::clone(&manifest));
        Ok(Some(manifest))
    }

    /// True if the repository has a manifest of this digest. Also false if the catalog cannot be asked.
    pub(crate) async fn has_manifest(&self, key: &RepoKey, digest: &Digest) -> bool {
        self.memory.manifests.contains_key(&(key.clone(), *digest))
            || self.ask_catalog(self.catalog.manifest(key, digest)).await.is_ok_and(|record| record.is_some())
    }

    /// The manifests of the repository that name a manifest or blob, or some of them if they are many. None if the catalog
    /// cannot be asked.
    pub(crate) async fn named_by(&self, key: &RepoKey, digest: &Digest) -> Vec<Digest> {
        self.ask_catalog(self.catalog.named_by(key, digest)).await.unwrap_or_default()
    }

    /// What leads to a manifest or blob of the repository.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn lineage(&self, key: &RepoKey, digest: &Digest) -> Result<Vec<Ancestor>, Error> {
        self.ask_catalog(self.catalog.lineage(key, digest)).await
    }

    /// Where a tag of the repository points, as far as is known `now`. If the catalog cannot be asked, what is in memory
    /// still counts.
    ///
    /// # Errors
    /// The catalog failed and memory does not have it: it may exist. For others than hosted ones the upstream can still
    /// answer.
    pub(crate) async fn tag(
        &self,
        key: &RepoKey,
        tag: &Tag,
        now: SystemTime,
    ) -> Result<Option<TagState>, Error> {
        let entry = (key.clone(), tag.clone());
        let known = self.memory.tags.get(&entry);
        let is_hosted = key.origin == Origin::Hosted;
        if known.is_some_and(|state| !is_hosted || is_hosted_fresh(state.checked, now)) {
            return Ok(known);
        }
        let record = match self.ask_catalog(self.catalog.tag(key, tag)).await {
            Ok(record) => record,
            Err(error) => return known.map(Some).ok_or(error),
        };
        let read = record.map(|record| {
            let checked = if is_hosted { now } else { record.checked };
            TagState { digest: record.digest, checked, not_before: None, recorded: true }
        });
        // A push that came in between knows better.
        self.memory.tags.change(&entry, |current| {
            let is_as_before = current.map(|state| state.checked) == known.map(|state| state.checked);
            match read {
                _ if !is_as_before => Change::Keep,
                Some(state) => Change::Set(state),
                None => Change::Remove,
            }
        });
        Ok(read)
    }

    /// Makes a manifest durable: its bytes, then its record and `tags` in one transaction. A mirrored one is in the cache
    /// already, since it is served before it is stored; a hosted one comes into the cache here.
    ///
    /// # Errors
    /// A hosted manifest names a blob that the repository does not have, or gives something another size than it has. Then
    /// nothing of it stays. Or the store failed.
    pub(crate) async fn put_manifest(
        self: &Arc<Self>,
        key: &RepoKey,
        manifest: &Arc<HeldManifest>,
        content: &Arc<Manifest>,
        tags: &[Tag],
    ) -> Result<(), Error> {
        let (this, key, manifest) = (Arc::clone(self), key.clone(), Arc::clone(manifest));
        let (content, tags) = (Arc::clone(content), tags.to_vec());
        self.to_its_end(async move { this.put_whole(&key, &manifest, &content, &tags).await }).await
    }

    async fn put_whole(
        &self,
        key: &RepoKey,
        manifest: &Arc<HeldManifest>,
        content: &Manifest,
        tags: &[Tag],
    ) -> Result<(), Error> {
        let digest = &manifest.digest;
        let _guard = self.locks.lock(digest).await;
        self.can_record()?;
        self.change_blobs(self.blobs.put(digest, manifest.bytes.clone())).await?;
        let (is_hosted, now) = (key.origin == Origin::Hosted, self.clock.now());
        let record = NewManifest {
            digest,
            size: manifest.bytes.len() as u64,
            content,
            tags,
            // What is pushed must be whole; what is mirrored comes in parts.
            require_blobs: is_hosted,
        };
        let recorded = self.try_catalog(self.catalog.put_manifest(key, &record, now)).await?;
        match &recorded {
            Ok(()) if is_hosted => self.memory.set_manifest(key, manifest, tags, now),
            Ok(()) => {}
            Err(why) => self.roll_back(digest, why).await,
        }
        recorded.map_err(not_recorded)
    }

    /// Records that an upstream has confirmed where a tag points.
    pub(crate) async fn tag_checked(&self, key: &RepoKey, tag: &Tag, at: SystemTime) {
        if let Err(error) = self.ask_catalog(self.catalog.tag_checked(key, tag, at)).await {
            tracing::warn!(%key, %tag, %error, "a tag's freshness could not be recorded");
        }
    }

    /// Removes a tag; its manifest stays. Returns whether it was there.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn remove_tag(&self, key: &RepoKey, tag: &Tag) -> Result<bool, Error> {
        let removed = self.ask_catalog(self.catalog.remove_tag(key, tag)).await?;
        self.memory.tags.remove(&(key.clone(), tag.clone()));
        Ok(removed)
    }

    /// Removes a manifest with its tags, and deletes its bytes if no other repository has it. Returns whether it was there.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn remove_manifest(
        self: &Arc<Self>,
        key: &RepoKey,
        digest: &Digest,
    ) -> Result<bool, Error> {
        let (this, key, digest) = (Arc::clone(self), key.clone(), *digest);
        self.to_its_end(async move {
            let _guard = this.locks.lock(&digest).await;
            let removed = this.ask_catalog(this.catalog.remove_manifest(&key, &digest)).await?;
            this.memory.forget_manifest(&key, &digest);
            if removed {
                this.delete_unrecorded(&digest).await?;
            }
            Ok(removed)
        })
        .await
    }

    /// True if anything of the repository is held.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn has_repository(&self, key: &RepoKey) -> Result<bool, Error> {
        self.ask_catalog(self.catalog.repository_known(key)).await
    }

    /// A page of the repository's tags, in order of their names.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn tags(&self, key: &RepoKey, page: &Page) -> Result<TagList, Error> {
        self.ask_catalog(self.catalog.tags(key, page)).await
    }

    /// The manifests of the repository that refer to `subject`, oldest first.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn referrers(&self, key: &RepoKey, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        self.ask_catalog(self.catalog.referrers(key, subject)).await
    }
}

fn not_recorded(error: entrepot_catalog::Error) -> Error {
    match error {
        entrepot_catalog::Error::MissingBlob { digest } => Error::ManifestBlobUnknown(digest),
        entrepot_catalog::Error::WrongSize { digest, stated, actual } => {
            Error::DescriptorSizeInvalid { digest, stated, actual }
        }
        other => catalog_failed(other),
    }
}
