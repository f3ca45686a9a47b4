//! Pushes and deletions. Only names with a hosted prefix take them.

use std::sync::Arc;

use bytes::Bytes;
use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::{Algorithm, ChunkRange, Digest, Manifest, MediaType, Reference, Tag};
use futures_util::Stream;

use crate::{
    error::Error,
    mirror::Mirror,
    names::ResolvedRepository,
    served::{HeldManifest, Mounted, Pushed, UploadId, Uploader},
    store::store_failed,
    uploads::UploadSession,
};

/// A session that ends with its request, also when the client has left.
struct OneRequestSession {
    mirror: Mirror,
    id: UploadId,
}

impl Drop for OneRequestSession {
    fn drop(&mut self) {
        if self.mirror.0.uploads.is_known(self.id) {
            let (mirror, id) = (self.mirror.clone(), self.id);
            self.mirror.0.tasks.spawn(async move { mirror.0.uploads.discard(id).await });
        }
    }
}

impl Mirror {
    /// Opens an upload session.
    ///
    /// # Errors
    /// The name takes no pushes, or there is no space.
    pub async fn start_upload(
        &self,
        target: &ResolvedRepository,
        algorithm: Algorithm,
        by: Uploader,
    ) -> Result<UploadId, Error> {
        self.0.uploads.start(self.writable(target)?, algorithm, by).await
    }

    /// Checks that somebody may continue an upload session: that of an account is for nobody else. It stays the same for as
    /// long as the session lives, also after a restart.
    ///
    /// # Errors
    /// There is no such session in this repository, or it is not theirs; which of the two is not said.
    pub async fn check_uploader(
        &self,
        target: &ResolvedRepository,
        id: UploadId,
        by: Uploader,
    ) -> Result<(), Error> {
        self.0.uploads.check_owner(self.writable(target)?, id, by).await
    }

    /// Gives this repository a blob of another one, without a byte being sent. Without `from` it opens a session, as if the
    /// blob were not there: otherwise anybody could find out what is held anywhere.
    ///
    /// # Errors
    /// As [`Mirror::start_upload`].
    pub async fn mount(
        &self,
        target: &ResolvedRepository,
        digest: &Digest,
        from: Option<&ResolvedRepository>,
        by: Uploader,
    ) -> Result<Mounted, Error> {
        let key = self.writable(target)?;
        if let Some(from) = from
            && self.0.holdings.mount_blob(&from.key, key, digest).await?
        {
            return Ok(Mounted::Yes);
        }
        Ok(Mounted::No(self.start_upload(target, digest.algorithm(), by).await?))
    }

    /// The number of bytes that a session has received.
    ///
    /// # Errors
    /// There is no such session in this repository.
    pub async fn upload_offset(&self, target: &ResolvedRepository, id: UploadId) -> Result<u64, Error> {
        Ok(self.0.uploads.find(self.writable(target)?, id).await?.received())
    }

    /// Appends a body to a session; returns how many bytes it then has. With `chunk`, the body must be exactly that.
    ///
    /// # Errors
    /// The chunk does not fit and nothing changed, or the body broke off and what came is kept.
    pub async fn append<B>(
        &self,
        target: &ResolvedRepository,
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

    /// Appends the last chunk, if there is one, and makes the session's bytes the blob `digest`. Once this returns, it
    /// survives a power cut.
    ///
    /// # Errors
    /// As [`Mirror::append`]; or the content has another digest, or the store failed. Then the last chunk is taken back, and
    /// the request may be repeated for a little while.
    pub async fn finish_upload<B>(
        &self,
        target: &ResolvedRepository,
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
        let before = session.checkpoint();
        if let Some((chunk, body)) = last {
            session.append(chunk, body).await?;
        }
        let actual = session.digest(digest).await?;
        if actual != *digest {
            session.fail(before, self.0.clock.now())?;
            return Err(Error::DigestMismatch { expected: *digest, actual });
        }
        let kept = self.keep_upload(key, id, digest, &session).await;
        if kept.is_err() && session.staged().is_current() {
            session.fail(before, self.0.clock.now())?;
        }
        kept
    }

    /// Takes a blob whose digest and bytes come in one request. No session stays behind, whatever the outcome.
    ///
    /// # Errors
    /// As [`Mirror::start_upload`], [`Mirror::append`] and [`Mirror::finish_upload`].
    pub async fn push_blob<B>(
        &self,
        target: &ResolvedRepository,
        digest: &Digest,
        body: B,
    ) -> Result<(), Error>
    where
        B: Stream<Item = Result<Bytes, Error>> + Send + Unpin,
    {
        let session = self.one_request_session(self.writable(target)?, digest.algorithm()).await?;
        let pushed = self.finish_upload(target, session.id, digest, Some((None, body))).await;
        if pushed.is_err() {
            // The space is free before the client hears that there was none.
            self.0.uploads.discard(session.id).await;
        }
        drop(session);
        pushed
    }

    // In a task of its own, so that a client that leaves while the file is created does not leave the file behind.
    async fn one_request_session(
        &self,
        key: &RepoKey,
        algorithm: Algorithm,
    ) -> Result<OneRequestSession, Error> {
        let (mirror, key) = (self.clone(), key.clone());
        let begun = self.0.tasks.spawn(async move {
            let id = mirror.0.uploads.start_unnoted(&key, algorithm, Uploader::Anybody).await?;
            Ok(OneRequestSession { mirror, id })
        });
        begun.await.map_err(store_failed)?
    }

    /// Makes a session's bytes a blob of the repository. Finishes also when the client leaves.
    async fn keep_upload(
        &self,
        key: &RepoKey,
        id: UploadId,
        digest: &Digest,
        session: &UploadSession,
    ) -> Result<(), Error> {
        let (mirror, key, digest) = (self.clone(), key.clone(), *digest);
        let (staged, size) = (session.staged().clone(), session.offset());
        let kept = self.0.tasks.spawn(async move {
            let kept = mirror.0.holdings.commit_blob(staged.clone(), &digest, size, &[key]).await;
            // The file has become the blob, or its bytes may be lost: either way nothing can be appended.
            if !staged.is_current() {
                mirror.0.uploads.discard(id).await;
            }
            kept
        });
        kept.await.map_err(store_failed)?
    }

    /// Ends a session without a blob.
    ///
    /// # Errors
    /// There is no such session in this repository.
    pub async fn cancel_upload(&self, target: &ResolvedRepository, id: UploadId) -> Result<(), Error> {
        self.0.uploads.find(self.writable(target)?, id).await?;
        self.0.uploads.end(id).await
    }

    /// Takes a manifest under its digest, under `reference` if that is a tag, and under `tags`. Once this returns, it
    /// survives a power cut.
    ///
    /// # Errors
    /// It is not a manifest, does not have the digest it was pushed under, or names a blob that is not there or has another
    /// size.
    pub async fn put_manifest(
        &self,
        target: &ResolvedRepository,
        reference: &Reference,
        tags: &[Tag],
        pushed: (Option<&MediaType>, Bytes),
    ) -> Result<Pushed, Error> {
        let key = self.writable(target)?;
        let (media_type, bytes) = pushed;
        let content =
            Manifest::parse(&bytes, media_type).map_err(|error| Error::ManifestInvalid(Arc::new(error)))?;
        content.require_known_content().map_err(|error| Error::ManifestInvalid(Arc::new(error)))?;
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
        let manifest = Arc::new(HeldManifest { digest, media_type: content.media_type().clone(), bytes });
        let content = Arc::new(content);
        self.0.holdings.put_manifest(key, &manifest, &content, &all).await?;
        Ok(Pushed { digest, subject: content.subject().map(|subject| subject.digest), tags: tags.to_vec() })
    }

    /// Removes a tag, or a manifest with all its tags.
    ///
    /// # Errors
    /// It is not there, or the name is not ours.
    pub async fn delete_manifest(
        &self,
        target: &ResolvedRepository,
        reference: &Reference,
    ) -> Result<(), Error> {
        let key = self.writable(target)?;
        let removed = match reference {
            Reference::Tag(tag) => self.0.holdings.remove_tag(key, tag).await?,
            Reference::Digest(digest) => self.0.holdings.remove_manifest(key, digest).await?,
        };
        let unknown = || Error::ManifestUnknown { name: key.to_string(), reference: reference.to_string() };
        removed.then_some(()).ok_or_else(unknown)
    }

    /// Takes a blob from a repository, and deletes its bytes if no other repository has it.
    ///
    /// # Errors
    /// It is not there, or the name is not ours.
    pub async fn delete_blob(&self, target: &ResolvedRepository, digest: &Digest) -> Result<(), Error> {
        let key = self.writable(target)?;
        let unlinked = self.0.holdings.unlink_blob(key, digest).await?;
        let unknown = || Error::BlobUnknown { name: key.to_string(), digest: *digest };
        unlinked.then_some(()).ok_or_else(unknown)
    }

    fn writable<'a>(&self, target: &'a ResolvedRepository) -> Result<&'a RepoKey, Error> {
        match target.key.origin {
            Origin::Hosted => Ok(&target.key),
            Origin::Upstream(_) => {
                Err(Error::ReadOnly { name: target.key.to_string(), hosted: self.0.names.hosted() })
            }
        }
    }
}
