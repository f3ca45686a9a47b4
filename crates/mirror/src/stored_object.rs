//! A blob in an object store. What is remembered of it may be wrong: somebody else may have removed it, and the store may be
//! away. That is known before anything is promised to the client, and the upstream has the bytes too.

use std::ops::Range;

use entrepot_blobs::ObjectBlob;
use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::Digest;
use futures_util::StreamExt as _;

use crate::{
    error::Error,
    holdings::OpenedObject,
    mirror::Mirror,
    served::{BlobStream, Cut, Opened},
};

/// A blob of a repository, as an object.
#[derive(Clone)]
pub(crate) struct StoredObject {
    mirror: Mirror,
    key: RepoKey,
    digest: Digest,
    object: ObjectBlob,
    may_redirect: bool,
}

impl StoredObject {
    pub(crate) fn new(mirror: Mirror, key: RepoKey, digest: Digest, object: ObjectBlob) -> Self {
        Self { mirror, key, digest, object, may_redirect: true }
    }

    /// The same, without sending its client to the store.
    pub(crate) fn through_here(self) -> Self {
        Self { may_redirect: false, ..self }
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.object.size()
    }

    /// Starts the bytes of `range`, or of the whole blob. What is gone is fetched again; while the store is away, the blob
    /// is passed through.
    ///
    /// # Errors
    /// The repository is hosted and the bytes are gone, or the store failed; or the upstream did not give it either.
    pub(crate) async fn open(self, range: Option<Range<u64>>) -> Result<Opened, Error> {
        let wanted = range.clone().unwrap_or(0..self.size());
        let holdings = &self.mirror.0.holdings;
        let failed = match holdings.open_object(&self.object, wanted, self.may_redirect).await {
            Ok(OpenedObject::Elsewhere(address)) => return Ok(Opened::Redirect(address)),
            Ok(OpenedObject::Bytes(bytes)) => {
                let frames = bytes.map(|bytes| {
                    bytes.map_err(|error| {
                        tracing::warn!(%error, "a stored blob broke off");
                        Cut
                    })
                });
                return Ok(Opened::Stream(BlobStream { mapping: None, frames: frames.boxed() }));
            }
            Ok(OpenedObject::Gone) => {
                tracing::warn!(key = %self.key, digest = %self.digest, "a stored blob is gone from the object store");
                holdings.lost(&self.key, &self.digest).await.err()
            }
            Err(error) => Some(error),
        };
        self.open_elsewhere(range, failed).await
    }

    async fn open_elsewhere(self, range: Option<Range<u64>>, failed: Option<Error>) -> Result<Opened, Error> {
        let Self { mirror, key, digest, .. } = self;
        let Origin::Upstream(host) = &key.origin else {
            let unknown = Error::BlobUnknown { name: key.to_string(), digest };
            return Err(failed.unwrap_or(unknown));
        };
        let upstream = mirror.0.upstreams.get(host)?;
        let blob = match failed {
            None => mirror.upstream_blob(upstream, &key, &digest).await?,
            Some(_) => mirror.pass_through(upstream, &key, &digest).await?,
        };
        // It might be found in the object store once more, and be gone once more.
        let blob = if blob.is_object() { mirror.pass_through(upstream, &key, &digest).await? } else { blob };
        Box::pin(blob.open(range)).await
    }
}
