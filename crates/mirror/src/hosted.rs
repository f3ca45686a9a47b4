//! Pushes: names below a hosted prefix are ours, and only they take any.

use std::sync::Arc;

use bytes::Bytes;
use entrepot_catalog::{Origin, RepoKey, Unlinked};
use entrepot_oci::{Algorithm, ChunkRange, Digest, Manifest, MediaType, Reference, Tag};
use futures_util::Stream;

use crate::{
    Error, HeldManifest, Mirror, Mounted, Pushed, Target, UploadId,
    memory::TagState,
    store::{blobs_failed, store_failed},
    uploads::Session,
};

/// A session that ends with its request, also when the client has left.
struct Brief {
    mirror: Mirror,
    id: UploadId,
}

impl Drop for Brief {
    fn drop(&mut self) {
        if self.mirror.0.uploads.is_known(self.id) {
            let (mirror, id) = (self.mirror.clone(), self.id);
            self.mirror.0.tasks.spawn(async move { mirror.0.uploads.drop_quietly(id).await });
        }
    }
}

impl Mirror {
    /// Opens an upload session.
    ///
    /// # Errors
    /// The name takes no pushes, or there is no space.
    pub async fn start_upload(&self, target: &Target, algorithm: Algorithm) -> Result<UploadId, Error> {
        self.0.uploads.start(self.writable(target)?, algorithm).await
    }

    /// Puts a blob of another repository into this one, without a byte being sent. Not saying which other one would
    /// make an oracle of what is held anywhere, so that opens a session like a blob that is not there.
    ///
    /// # Errors
    /// As [`Mirror::start_upload`].
    pub async fn mount(
        &self,
        target: &Target,
        digest: &Digest,
        from: Option<&Target>,
    ) -> Result<Mounted, Error> {
        let key = self.writable(target)?;
        if let Some(from) = from {
            let _guard = self.0.stripes.lock(digest).await;
            let size = self.linked(&from.key, digest).await?;
            if let Some(size) = size.filter(|_| from.key != *key)
                && self.0.blobs.size(digest).await.map_err(blobs_failed)?.is_some()
            {
                self.link(key, digest, size).await?;
                return Ok(Mounted::Yes);
            }
        }
        Ok(Mounted::No(self.start_upload(target, digest.algorithm()).await?))
    }

    /// How many bytes a session has received.
    ///
    /// # Errors
    /// There is no such session in this repository.
    pub async fn upload_offset(&self, target: &Target, id: UploadId) -> Result<u64, Error> {
        Ok(self.0.uploads.find(self.writable(target)?, id).await?.received())
    }

    /// Appends a body to a session; returns how many bytes it then has. With `chunk`, the body must be exactly that.
    ///
    /// # Errors
    /// The chunk does not fit and nothing changed, or the body broke off and what came is kept.
    pub async fn append<B>(
        &self,
        target: &Target,
        id: UploadId,
        chunk: Option<ChunkRange>,
        body: B,
    ) -> Result<u64, Error>
    where
        B: Stream<Item = Result<Bytes, Error>> + Send + Unpin,
    {
        let session = self.0.uploads.find(self.writable(target)?, id).await?;
        let mut session = session.lock().await;
        session.append(chunk, body).await?;
        Ok(session.offset())
    }

    /// Appends the last chunk, if there is one, and makes what the session has received the blob `digest`. Once this
    /// returns it survives a power cut.
    ///
    /// # Errors
    /// As [`Mirror::append`]; or the content has another digest. Then the last chunk is taken back, and the request may
    /// be repeated with the right digest for a little while.
    pub async fn finish_upload<B>(
        &self,
        target: &Target,
        id: UploadId,
        digest: &Digest,
        last: Option<(Option<ChunkRange>, B)>,
    ) -> Result<(), Error>
    where
        B: Stream<Item = Result<Bytes, Error>> + Send + Unpin,
    {
        let key = self.writable(target)?;
        let session = self.0.uploads.find(key, id).await?;
        let mut session = session.lock().await;
        let before = session.mark();
        if let Some((chunk, body)) = last {
            session.append(chunk, body).await?;
        }
        let actual = session.digest(digest).await?;
        if actual != *digest {
            session.return_to(before)?;
            session.spoil(self.0.clock.now());
            return Err(Error::DigestMismatch { expected: *digest, actual });
        }
        self.keep_upload(key, id, digest, &session).await
    }

    /// Takes in a blob whose digest and bytes come in one request. No session stays behind, whatever becomes of it.
    ///
    /// # Errors
    /// As [`Mirror::start_upload`], [`Mirror::append`] and [`Mirror::finish_upload`].
    pub async fn push_blob<B>(&self, target: &Target, digest: &Digest, body: B) -> Result<(), Error>
    where
        B: Stream<Item = Result<Bytes, Error>> + Send + Unpin,
    {
        let brief = self.brief(self.writable(target)?, digest.algorithm()).await?;
        let pushed = self.finish_upload(target, brief.id, digest, Some((None, body))).await;
        if pushed.is_err() {
            // The space is free before the client hears that there was none.
            self.0.uploads.drop_quietly(brief.id).await;
        }
        drop(brief);
        pushed
    }

    // In a task of its own: a client that leaves while the file is being made must not leave the file.
    async fn brief(&self, key: &RepoKey, algorithm: Algorithm) -> Result<Brief, Error> {
        let (mirror, key) = (self.clone(), key.clone());
        let begun = self.0.tasks.spawn(async move {
            let id = mirror.0.uploads.start_brief(&key, algorithm).await?;
            Ok(Brief { mirror, id })
        });
        begun.await.map_err(store_failed)?
    }

    /// Makes what a session has received a blob of the repository. Goes on to its end when the client leaves.
    async fn keep_upload(
        &self,
        key: &RepoKey,
        id: UploadId,
        digest: &Digest,
        session: &Session,
    ) -> Result<(), Error> {
        let (mirror, key, digest) = (self.clone(), key.clone(), *digest);
        let (staged, size) = (session.staged().clone(), session.offset());
        let kept = self.0.tasks.spawn(async move {
            let _guard = mirror.0.stripes.lock(&digest).await;
            let committed = mirror.0.blobs.commit(staged.clone(), &digest).await.map_err(blobs_failed);
            // A file whose bytes may be lost cannot be gone on with.
            if !staged.is_current() {
                mirror.0.uploads.drop_quietly(id).await;
            }
            committed?;
            let linked = mirror.link(&key, &digest, size).await;
            if linked.is_err() {
                mirror.take_back(&digest).await;
            }
            linked
        });
        kept.await.map_err(store_failed)?
    }

    /// Removes bytes whose record could not be made, unless somebody else has them. The caller holds the digest's lock.
    pub(crate) async fn take_back(&self, digest: &Digest) {
        let removed = match self.0.catalog.is_held(digest).await {
            Ok(true) => return,
            Ok(false) => self.0.blobs.remove(digest).await.map(drop).map_err(blobs_failed),
            Err(error) => Err(store_failed(error)),
        };
        if let Err(error) = removed {
            tracing::warn!(%digest, %error, "bytes without a record stay behind");
        }
    }

    /// Ends a session without a blob.
    ///
    /// # Errors
    /// There is no such session in this repository.
    pub async fn cancel_upload(&self, target: &Target, id: UploadId) -> Result<(), Error> {
        self.0.uploads.find(self.writable(target)?, id).await?;
        self.0.uploads.end(id).await
    }

    /// Takes a manifest in, under its digest, under `reference` where that is a tag, and under `tags`. Once this
    /// returns it survives a power cut.
    ///
    /// # Errors
    /// It is not a manifest, does not have the digest it was pushed under, or names a blob that is not there.
    pub async fn put_manifest(
        &self,
        target: &Target,
        reference: &Reference,
        tags: &[Tag],
        pushed: (Option<&MediaType>, Bytes),
    ) -> Result<Pushed, Error> {
        let key = self.writable(target)?;
        let (media_type, bytes) = pushed;
        let content =
            Manifest::parse(&bytes, media_type).map_err(|error| Error::ManifestInvalid(Arc::new(error)))?;
        if !content.media_type().is_inert() {
            return Err(Error::MediaTypeRefused(content.media_type().clone()));
        }
        let digest = match reference {
            Reference::Tag(_) => Digest::of(&bytes),
            Reference::Digest(expected) => {
                let actual = Digest::with(expected.algorithm(), &bytes);
                if actual != *expected {
                    return Err(Error::DigestMismatch { expected: *expected, actual });
                }
                actual
            }
        };
        let mut all = tags.to_vec();
        if let Reference::Tag(tag) = reference {
            all.push(tag.clone());
        }
        let manifest = HeldManifest { digest, media_type: content.media_type().clone(), bytes };
        self.write_down(key, &manifest, &content, &all).await?;
        self.remember_push(key, manifest, &all);
        Ok(Pushed { digest, subject: content.subject().map(|subject| subject.digest), tags: tags.to_vec() })
    }

    /// Removes a tag, or a manifest with all its tags.
    ///
    /// # Errors
    /// It is not there, or the name is not ours.
    pub async fn delete_manifest(&self, target: &Target, reference: &Reference) -> Result<(), Error> {
        let key = self.writable(target)?;
        let removed = match reference {
            Reference::Tag(tag) => {
                let removed = self.0.catalog.remove_tag(key, tag).await.map_err(store_failed)?;
                self.0.memory.tags.invalidate(&(key.clone(), tag.clone()));
                removed
            }
            Reference::Digest(digest) => self.remove_manifest(key, digest).await?,
        };
        let unknown = || Error::ManifestUnknown { name: key.to_string(), reference: reference.to_string() };
        removed.then_some(()).ok_or_else(unknown)
    }

    /// Takes a blob out of a repository; its bytes go when no repository has it any more.
    ///
    /// # Errors
    /// It is not there, or the name is not ours.
    pub async fn delete_blob(&self, target: &Target, digest: &Digest) -> Result<(), Error> {
        let key = self.writable(target)?;
        let _guard = self.0.stripes.lock(digest).await;
        let unlinked = self.0.catalog.unlink_blob(key, digest).await.map_err(store_failed)?;
        self.0.memory.links.invalidate(&(key.clone(), *digest));
        match unlinked {
            Unlinked::NotThere => Err(Error::BlobUnknown { name: key.to_string(), digest: *digest }),
            Unlinked::StillHeld => Ok(()),
            Unlinked::Last => self.0.blobs.remove(digest).await.map(drop).map_err(blobs_failed),
        }
    }

    async fn remove_manifest(&self, key: &RepoKey, digest: &Digest) -> Result<bool, Error> {
        let _guard = self.0.stripes.lock(digest).await;
        let removed = self.0.catalog.remove_manifest(key, digest).await.map_err(store_failed)?;
        self.0.memory.manifests.invalidate(&(key.clone(), *digest));
        let (of, gone) = (key.clone(), *digest);
        // Closures are enabled where the cache is built.
        let _ = self
            .0
            .memory
            .tags
            .invalidate_entries_if(move |(key, _), state| *key == of && state.digest == gone);
        if removed && !self.0.catalog.is_held(digest).await.map_err(store_failed)? {
            self.0.blobs.remove(digest).await.map_err(blobs_failed)?;
        }
        Ok(removed)
    }

    fn remember_push(&self, key: &RepoKey, manifest: HeldManifest, tags: &[Tag]) {
        let checked = self.0.clock.now();
        let state = TagState { digest: manifest.digest, checked, not_before: None, recorded: true };
        for tag in tags {
            self.0.memory.tags.insert((key.clone(), tag.clone()), state);
        }
        self.0.memory.manifests.insert((key.clone(), manifest.digest), Arc::new(manifest));
    }

    fn writable<'a>(&self, target: &'a Target) -> Result<&'a RepoKey, Error> {
        match target.key.origin {
            Origin::Hosted => Ok(&target.key),
            Origin::Upstream(_) => {
                Err(Error::ReadOnly { name: target.key.to_string(), hosted: self.0.names.hosted() })
            }
        }
    }
}
