//! Pulls of blobs: from the store, from a download under way, or by a new one.
//!
//! A blob can be read through a repository that has it. If its bytes are held for another repository only, this one gives
//! them out after its upstream has proven that it has them (`possession`). A manifest is no blob, although some registries
//! give it out as one: clients would keep it without its media type.

use std::sync::Arc;

use entrepot_blobs::HeldBlob;
use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::Digest;

use crate::{
    error::Error,
    fill::state::{FillFailure, Waiter},
    manifest_check::is_manifest_at,
    memory::Wanted,
    metrics::ContentKind,
    mirror::Mirror,
    names::ResolvedRepository,
    passthrough::PassThrough,
    purpose::Reach,
    served::BlobHead,
    served_blob::ServedBlob,
    stored_object::StoredObject,
    upstream::Upstream,
};

impl Mirror {
    /// A blob. [`ServedBlob::open`] starts its bytes.
    ///
    /// # Errors
    /// The repository does not have it, or the upstream did not give it.
    pub async fn blob(&self, target: &ResolvedRepository, digest: &Digest) -> Result<ServedBlob, Error> {
        let key = &target.key;
        if let Some(held) = self.0.holdings.blob(key, digest).await? {
            self.0.metrics.hit(ContentKind::Blob);
            return Ok(self.serve_held(key, digest, held));
        }
        match &key.origin {
            Origin::Hosted => Err(Error::BlobUnknown { name: key.to_string(), digest: *digest }),
            // Boxed: see `Blobs::get`.
            Origin::Upstream(host) => {
                Box::pin(self.upstream_blob(self.0.upstreams.get(host)?, key, digest)).await
            }
        }
    }

    /// A blob's size. Nothing is downloaded for it.
    ///
    /// # Errors
    /// As [`Mirror::blob`].
    pub async fn blob_head(&self, target: &ResolvedRepository, digest: &Digest) -> Result<BlobHead, Error> {
        let key = &target.key;
        let size = self.0.holdings.blob_size(key, digest).await?;
        let Origin::Upstream(host) = &key.origin else {
            // Clients ask this to know whether to push. Lost bytes have to be pushed again, since nobody else has them.
            let kept = size.is_some() && self.0.holdings.has_bytes(digest).await?;
            let unknown = || Error::BlobUnknown { name: key.to_string(), digest: *digest };
            return size.filter(|_| kept).map(|size| BlobHead { size: Some(size) }).ok_or_else(unknown);
        };
        if size.is_some() {
            return Ok(BlobHead { size });
        }
        let upstream = self.0.upstreams.get(host)?;
        if self.reach() == Reach::Held {
            self.may_fetch(upstream, key, digest).await?;
            // It may have arrived since it was looked for: then no upstream is asked.
            if let Some(size) = self.0.holdings.blob_size(key, digest).await? {
                return Ok(BlobHead { size: Some(size) });
            }
        }
        self.upstream_blob_head(upstream, key, digest).await
    }

    /// What an upstream says about a blob: asked once for all clients that want to know, and kept for a minute.
    pub(crate) async fn upstream_blob_head(
        &self,
        upstream: &Arc<Upstream>,
        key: &RepoKey,
        digest: &Digest,
    ) -> Result<BlobHead, Error> {
        let entry = (key.clone(), *digest);
        if let Some(head) = self.0.memory.blob_heads.get(&entry) {
            return Ok(head);
        }
        let (mirror, upstream, of) = (self.clone(), Arc::clone(upstream), entry.clone());
        let waiter = self.0.blob_heads.join(entry, || async move {
            let head = mirror.blob_head_now(&upstream, &of.0, &of.1).await?;
            mirror.0.memory.blob_heads.insert(of, head);
            Ok(head)
        });
        waiter.result().await.unwrap_or(Err(Error::Store))
    }

    async fn blob_head_now(
        &self,
        upstream: &Upstream,
        key: &RepoKey,
        digest: &Digest,
    ) -> Result<BlobHead, Error> {
        let holdings = &self.0.holdings;
        if holdings.has_manifest(key, digest).await || is_manifest_at(upstream, holdings, key, digest).await {
            return Err(Error::BlobUnknown { name: key.to_string(), digest: *digest });
        }
        match self.upstream_size(upstream, key, digest).await {
            Err(gone) if gone.is_absence() => {
                self.doubt(key, digest).await;
                Err(gone)
            }
            size => Ok(BlobHead { size: size? }),
        }
    }

    /// Asks the upstream whether it has a blob. Returns the size, from what is held or from the first byte if the upstream does
    /// not say it at once.
    async fn upstream_size(
        &self,
        upstream: &Upstream,
        key: &RepoKey,
        digest: &Digest,
    ) -> Result<Option<u64>, Error> {
        let said = upstream.find_blob(key, digest).await?;
        if said.is_some() {
            return Ok(said);
        }
        match self.0.holdings.bytes_size(digest).await.unwrap_or_default() {
            Some(held) => Ok(Some(held)),
            None => Ok(upstream.probe_blob(key, digest).await),
        }
    }

    /// A blob that its repository does not have, or whose bytes turned out to be gone.
    ///
    /// # Errors
    /// As [`Mirror::blob`].
    pub(crate) async fn upstream_blob(
        &self,
        upstream: &Arc<Upstream>,
        key: &RepoKey,
        digest: &Digest,
    ) -> Result<ServedBlob, Error> {
        self.may_fetch(upstream, key, digest).await?;
        let wanted = Wanted::Blob(*digest);
        if let Some(refused) = self.0.memory.refusals.get(&(key.clone(), wanted.clone())) {
            return Err(refused);
        }
        if self.0.holdings.has_manifest(key, digest).await {
            return Err(Error::BlobUnknown { name: key.to_string(), digest: *digest });
        }
        match self.found_or_filled(upstream, key, digest).await {
            Err(refused) => Err(self.refused(key, &wanted, refused).await),
            found => found,
        }
    }

    async fn found_or_filled(
        &self,
        upstream: &Arc<Upstream>,
        key: &RepoKey,
        digest: &Digest,
    ) -> Result<ServedBlob, Error> {
        loop {
            let waiter = match self.find_or_fill(upstream, key, digest).await? {
                BlobLocation::Held(held) => {
                    self.0.metrics.hit(ContentKind::Blob);
                    return Ok(self.serve_held(key, digest, held));
                }
                BlobLocation::Filling(waiter) => waiter,
                BlobLocation::Unproven => return self.pass_through(upstream, key, digest).await,
            };
            self.0.metrics.miss(ContentKind::Blob);
            match waiter.started().await {
                Ok((fill, content)) => return Ok(ServedBlob::filling(fill, content)),
                Err(FillFailure::NoSpace) => return self.pass_through(upstream, key, digest).await,
                Err(FillFailure::Refused(error)) => return Err(error),
                // Those who waited had left before we came.
                Err(FillFailure::Abandoned) => {}
            }
        }
    }

    /// Finds the blob in the store, or the download that brings it, or starts one.
    async fn find_or_fill(
        &self,
        upstream: &Arc<Upstream>,
        key: &RepoKey,
        digest: &Digest,
    ) -> Result<BlobLocation, Error> {
        loop {
            match self.0.fills.running(digest) {
                Some(waiter) if waiter.fill.is_for(key) => return Ok(BlobLocation::Filling(waiter)),
                Some(waiter) if waiter.fill.is_from(upstream.host()) => {
                    upstream.find_blob(key, digest).await?;
                }
                Some(waiter) if waiter.fill.is_verified() => {
                    waiter.until_over().await;
                    continue;
                }
                Some(_) => return Ok(BlobLocation::Unproven),
                // A fill ends after its blob is recorded, so this sees one or the other.
                None => match self.stored(upstream, key, digest).await? {
                    StoreLookup::For(held) => return Ok(BlobLocation::Held(held)),
                    StoreLookup::Changed => continue,
                    StoreLookup::No => {}
                },
            }
            if let Some(waiter) = self.0.fills.join(upstream, key, digest) {
                return Ok(BlobLocation::Filling(waiter));
            }
        }
    }

    /// Looks for the blob in the store. If its bytes are there for another repository only, this one gets it once its
    /// upstream has proven that it has it.
    async fn stored(
        &self,
        upstream: &Upstream,
        key: &RepoKey,
        digest: &Digest,
    ) -> Result<StoreLookup, Error> {
        let holdings = &self.0.holdings;
        if let Some(held) = holdings.blob(key, digest).await? {
            return Ok(StoreLookup::For(held));
        }
        // A store that cannot be read must not stop a pull that the upstream can answer.
        let Ok(Some(held)) = holdings.bytes(digest).await else { return Ok(StoreLookup::No) };
        // Bytes come before records: they may be those of a download that has only just ended.
        if self.0.fills.running(digest).is_some() {
            return Ok(StoreLookup::Changed);
        }
        match holdings.blob_size(key, digest).await? {
            Some(size) if size == held.size() => return Ok(StoreLookup::Changed),
            // They are damaged, and are replaced.
            Some(_) => {
                holdings.lost(key, digest).await.unwrap_or_default();
                return Ok(StoreLookup::No);
            }
            None => {}
        }
        match self.prove(upstream, key, digest, &held).await {
            Err(error) if error.is_of_store() => return Ok(StoreLookup::No),
            proven => proven?,
        }
        Ok(match holdings.adopt_blob(key, digest, held.size()).await {
            Ok(false) => StoreLookup::Changed,
            // Without a record, the next pull has to prove it again.
            Ok(true) | Err(_) => StoreLookup::For(held),
        })
    }

    /// A blob that is not kept.
    ///
    /// # Errors
    /// The upstream does not have it, or did not answer.
    pub(crate) async fn pass_through(
        &self,
        upstream: &Arc<Upstream>,
        key: &RepoKey,
        digest: &Digest,
    ) -> Result<ServedBlob, Error> {
        self.0.metrics.passed_through.inc();
        let size = self.upstream_size(upstream, key, digest).await?;
        let limit = self.0.fills.size_limit(key, digest).await;
        Ok(ServedBlob::passing(PassThrough::new(Arc::clone(upstream), key.clone(), *digest, limit), size))
    }

    fn serve_held(&self, key: &RepoKey, digest: &Digest, held: HeldBlob) -> ServedBlob {
        self.0.metrics.bytes_saved.inc_by(held.size());
        match held {
            HeldBlob::Object(object) => {
                ServedBlob::object(StoredObject::new(self.clone(), key.clone(), *digest, object))
            }
            HeldBlob::Memory(bytes) => ServedBlob::memory(bytes),
            HeldBlob::Mapped(mapping) => ServedBlob::mapped(mapping),
        }
    }
}

/// The place that a blob is to be read from.
enum BlobLocation {
    Held(HeldBlob),
    Filling(Waiter),
    /// Another upstream is sending it. This one can prove that it has it only once all of it is here; until then the blob
    /// is passed through from this one.
    Unproven,
}

/// The outcome of looking for a blob in the store.
enum StoreLookup {
    /// It is, and the repository has it.
    For(HeldBlob),
    /// Its bytes or records have changed meanwhile: look again.
    Changed,
    /// It is not.
    No,
}
