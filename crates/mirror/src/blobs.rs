//! Pulling blobs: from what is held, from a download under way, from a new one.
//!
//! A blob is readable through a repository that has it. Where we hold its bytes through another one, this one gives them
//! out when its upstream has shown that it has them (`possession`).

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use entrepot_blobs::Held;
use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::{Digest, Host};

use crate::{
    BlobHead, BlobStream, Error, Mirror, Opened, ServedBlob, Target,
    fill::{Content, Failure, Fill, Place},
    metrics::Kind,
    passthrough::PassThrough,
    served::Source,
    store::{blobs_failed, store_failed},
    upstream::blob_refused,
};

impl Mirror {
    /// A blob, to be opened.
    ///
    /// # Errors
    /// The repository does not have it, or the upstream did not give it.
    pub async fn blob(&self, target: &Target, digest: &Digest) -> Result<ServedBlob, Error> {
        let key = &target.key;
        if let Some(held) = self.held_blob(key, digest).await? {
            self.0.metrics.hit(Kind::Blob);
            return Ok(self.serve_held(held));
        }
        match &key.origin {
            Origin::Hosted => Err(Error::BlobUnknown { name: key.to_string(), digest: *digest }),
            Origin::Upstream(host) => self.upstream_blob(host, key, digest).await,
        }
    }

    /// What a blob is, without its bytes. Nothing is downloaded for it.
    ///
    /// # Errors
    /// As [`Mirror::blob`].
    pub async fn blob_head(&self, target: &Target, digest: &Digest) -> Result<BlobHead, Error> {
        let key = &target.key;
        let linked = self.linked(key, digest).await?;
        let Origin::Upstream(host) = &key.origin else {
            // Of one that was lost, nobody has another: it must be pushed again, and a client asks us whether to.
            let kept = linked.is_some() && self.0.blobs.size(digest).await.map_err(blobs_failed)?.is_some();
            let unknown = || Error::BlobUnknown { name: key.to_string(), digest: *digest };
            return linked.filter(|_| kept).map(|size| BlobHead { size: Some(size) }).ok_or_else(unknown);
        };
        if linked.is_some() {
            return Ok(BlobHead { size: linked });
        }
        Ok(BlobHead { size: self.upstream_has(host, key, digest).await? })
    }

    async fn upstream_blob(&self, host: &Host, key: &RepoKey, digest: &Digest) -> Result<ServedBlob, Error> {
        let reference = (key.clone(), (*digest).into());
        if let Some(refused) = self.0.memory.absent.get(&reference) {
            return Err(refused);
        }
        loop {
            let place = match self.join(host, key, digest).await? {
                Joined::Held(held) => {
                    self.0.metrics.hit(Kind::Blob);
                    return Ok(self.serve_held(held));
                }
                Joined::Filling(place) => place,
                Joined::Unproven => return self.pass_through(host, key, digest).await,
            };
            self.0.metrics.miss(Kind::Blob);
            match place.started().await {
                Ok((fill, content)) => {
                    let size = Some(content.size);
                    return Ok(ServedBlob { size, source: Source::Filling(fill, content) });
                }
                Err(Failure::NoRoom) => return self.pass_through(host, key, digest).await,
                Err(Failure::Refused(error)) => return Err(self.remember(key, &reference.1, error)),
                // Those who waited had left before we came.
                Err(Failure::Deserted) => {}
            }
        }
    }

    /// Finds the blob where it is, or whoever is bringing it, or brings it.
    async fn join(&self, host: &Host, key: &RepoKey, digest: &Digest) -> Result<Joined, Error> {
        loop {
            let running = self.0.fills.running(digest);
            match running {
                Some(place) if place.fill.is_for(key) => return Ok(Joined::Filling(place)),
                Some(place) if place.fill.is_from(host) => drop(self.upstream_has(host, key, digest).await?),
                Some(place) if place.fill.is_verified() => {
                    place.until_over().await;
                    continue;
                }
                Some(_) => return Ok(Joined::Unproven),
                // A download leaves the stage after its blob is known, so this sees one or the other.
                None => {
                    if let Some(held) = self.held_blob(key, digest).await? {
                        return Ok(Joined::Held(held));
                    }
                    if let Some(held) = self.0.blobs.get(digest).await.map_err(blobs_failed)? {
                        // Its bytes are there before it is known whose they are: a download may have ended meanwhile.
                        if self.0.fills.running(digest).is_some() || self.linked(key, digest).await?.is_some()
                        {
                            continue;
                        }
                        // Held for another repository.
                        self.prove(host, key, digest, &held).await?;
                        self.link(key, digest, held.size()).await?;
                        return Ok(Joined::Held(held));
                    }
                }
            }
            if let Some(place) = self.fill(host, key, digest) {
                return Ok(Joined::Filling(place));
            }
        }
    }

    async fn pass_through(&self, host: &Host, key: &RepoKey, digest: &Digest) -> Result<ServedBlob, Error> {
        self.0.metrics.passed_through.inc();
        let size = self.upstream_has(host, key, digest).await?;
        let remote = self.source(host)?.remote.clone();
        let pass = PassThrough::new(remote, key.clone(), *digest, self.ceiling(key, digest).await);
        Ok(ServedBlob { size, source: Source::Passing(Box::new(pass)) })
    }

    /// Asks the upstream whether the repository has the blob, and how large it is.
    pub(crate) async fn upstream_has(
        &self,
        host: &Host,
        key: &RepoKey,
        digest: &Digest,
    ) -> Result<Option<u64>, Error> {
        let head = self.source(host)?.remote.head_blob(&key.repository, digest).await;
        Ok(head.map_err(|error| blob_refused(host, key, digest, error))?.size)
    }

    fn serve_held(&self, held: Held) -> ServedBlob {
        self.0.metrics.bytes_saved.inc_by(held.size());
        ServedBlob { size: Some(held.size()), source: Source::Held(held) }
    }

    async fn held_blob(&self, key: &RepoKey, digest: &Digest) -> Result<Option<Held>, Error> {
        if self.linked(key, digest).await?.is_none() {
            return Ok(None);
        }
        let held = self.0.blobs.get(digest).await.map_err(blobs_failed)?;
        if held.is_none() {
            // Known but gone: to be brought again.
            self.0.memory.links.invalidate(&(key.clone(), *digest));
        }
        Ok(held)
    }

    /// The size of a blob that the repository is known to have.
    pub(crate) async fn linked(&self, key: &RepoKey, digest: &Digest) -> Result<Option<u64>, Error> {
        let entry = (key.clone(), *digest);
        if let Some(size) = self.0.memory.links.get(&entry) {
            return Ok(Some(size));
        }
        let size = match self.0.catalog.blob(key, digest).await.map_err(store_failed) {
            Ok(size) => size,
            // The upstream can still answer.
            Err(_) if key.origin != Origin::Hosted => None,
            Err(error) => return Err(error),
        };
        if let Some(size) = size {
            self.0.memory.links.insert(entry, size);
        }
        Ok(size)
    }

    /// Makes a blob readable through a repository.
    pub(crate) async fn link(&self, key: &RepoKey, digest: &Digest, size: u64) -> Result<(), Error> {
        let now = self.0.clock.now();
        self.0.catalog.link_blobs(key, &[(*digest, size)], now).await.map_err(store_failed)?;
        self.0.memory.links.insert((key.clone(), *digest), size);
        Ok(())
    }
}

/// Where a blob is to be read from.
enum Joined {
    Held(Held),
    Filling(Place),
    /// Another upstream is bringing it. What this one has can only be proven once all of it is here, so until then it is
    /// read from where the client wants it from.
    Unproven,
}

impl ServedBlob {
    /// Starts the bytes of `range`, or of the whole blob. The range must lie within [`ServedBlob::size`].
    ///
    /// # Errors
    /// The store or the upstream refuses now what it promised before.
    pub async fn open(self, range: Option<Range<u64>>) -> Result<Opened, Error> {
        match self.source {
            Source::Held(held) => open_held(held, range).await,
            Source::Filling(fill, content) => Ok(open_fill(&fill, &content, range)),
            Source::Passing(pass) => pass.open(range, self.size).await,
        }
    }
}

fn open_fill(fill: &Arc<Fill>, content: &Content, range: Option<Range<u64>>) -> Opened {
    Opened::Stream(fill.read(content, range.unwrap_or(0..content.size)))
}

async fn open_held(held: Held, range: Option<Range<u64>>) -> Result<Opened, Error> {
    let range = range.unwrap_or(0..held.size());
    match held {
        // No longer than a `Bytes` in memory is.
        Held::Memory(bytes) => Ok(Opened::Bytes(bytes.slice(range.start as usize..range.end as usize))),
        Held::Mapped(mapping) => Ok(Opened::Mapped(mapping, range)),
        Held::Object(object) => {
            if let Some(link) = object.link().await.map_err(blobs_failed)? {
                return Ok(Opened::Redirect(link.into()));
            }
            use futures_util::StreamExt;
            let frames = object.stream(range).map(|bytes: Result<Bytes, _>| {
                bytes.map_err(|error| {
                    tracing::warn!(%error, "a stored blob broke off");
                    crate::Cut
                })
            });
            Ok(Opened::Stream(BlobStream { mapping: None, frames: frames.boxed() }))
        }
    }
}
