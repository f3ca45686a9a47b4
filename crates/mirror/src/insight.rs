//! Content that this server itself looks into. None of it is sent to clients, and nothing here counts as a pull.

use bytes::{Bytes, BytesMut};
use entrepot_blobs::{HeldBlob, Mapping};
use entrepot_catalog::RepoKey;
use entrepot_oci::{Digest, Host};
use entrepot_remote::{LinkStatus, PullQuota};
use futures_util::{StreamExt as _, stream, stream::BoxStream};

use crate::{
    error::Error,
    mirror::Mirror,
    names::ResolvedRepository,
    served::{Cut, Opened},
};

/// How much of a file is read at once, in bytes.
const STEP: u64 = 1 << 20;

/// The bytes of a blob, in order.
pub type BlobBytes = BoxStream<'static, Result<Bytes, Cut>>;

impl Mirror {
    /// The bytes of a blob that the repository has. No registry is asked: what is not held is `None`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn held_bytes(&self, key: &RepoKey, digest: &Digest) -> Result<Option<BlobBytes>, Error> {
        let Some(held) = self.0.holdings.blob(key, digest).await? else { return Ok(None) };
        Ok(match held {
            HeldBlob::Memory(bytes) => Some(stream::iter([Ok(bytes)]).boxed()),
            HeldBlob::Mapped(mapping) => Some(of_file(mapping)),
            HeldBlob::Object(object) => match object.stream(0..object.size()).await {
                Ok(bytes) => Some(bytes.map(|bytes| bytes.map_err(|_| Cut)).boxed()),
                Err(error) => {
                    tracing::warn!(%error, %digest, "a stored blob cannot be looked into");
                    None
                }
            },
        })
    }

    /// The bytes of a blob, which is fetched and kept if it is not held.
    ///
    /// # Errors
    /// As [`Mirror::blob`].
    pub async fn fetched_bytes(&self, key: &RepoKey, digest: &Digest) -> Result<BlobBytes, Error> {
        if let Some(bytes) = self.held_bytes(key, digest).await? {
            return Ok(bytes);
        }
        let target = ResolvedRepository { key: key.clone(), by_namespace: false };
        match self.blob(&target, digest).await?.open(None).await? {
            Opened::Bytes(bytes) => Ok(stream::iter([Ok(bytes)]).boxed()),
            Opened::Mapped(mapping, _) => Ok(of_file(mapping)),
            Opened::Stream(stream) => Ok(stream.frames),
            // It came to the object store at this moment.
            Opened::Redirect(_) => self.held_bytes(key, digest).await?.ok_or(Error::Store),
        }
    }

    /// A small blob, such as the configuration of an image. `None` if it is longer than `most` bytes, or broke off.
    ///
    /// # Errors
    /// As [`Mirror::blob`].
    pub async fn small_blob(
        &self,
        key: &RepoKey,
        digest: &Digest,
        most: usize,
    ) -> Result<Option<Bytes>, Error> {
        let mut bytes = self.fetched_bytes(key, digest).await?;
        let mut all = BytesMut::new();
        while let Some(next) = bytes.next().await {
            let Ok(next) = next else { return Ok(None) };
            if all.len() + next.len() > most {
                return Ok(None);
            }
            all.extend_from_slice(&next);
        }
        Ok(Some(all.freeze()))
    }

    /// How the links are that upstreams are reached over; none if the configuration names none.
    pub fn links(&self) -> Vec<LinkStatus> {
        self.0.upstreams.links()
    }

    /// What a registry said last of the pulls that it allows us. `None` if it says nothing, or is no upstream.
    pub fn pull_quota(&self, host: &Host) -> Option<PullQuota> {
        self.0.upstreams.get(host).ok()?.pull_quota()
    }
}

// Reading may wait for the disk, and a failing disk must not kill the process.
fn of_file(mapping: Mapping) -> BlobBytes {
    let step = move |(mapping, at): (Mapping, u64)| async move {
        let end = mapping.len().min(at + STEP);
        if at >= end {
            return None;
        }
        let file = mapping.clone();
        let ready = tokio::task::spawn_blocking(move || file.ready(at..end)).await;
        let bytes = match ready {
            // A mapping fits into memory, so these fit into `usize`.
            Ok(Ok(())) => Ok(mapping.bytes().slice(at as usize..end as usize)),
            Ok(Err(_)) | Err(_) => Err(Cut),
        };
        let next = if bytes.is_ok() { end } else { mapping.len() };
        Some((bytes, (mapping, next)))
    };
    stream::unfold((mapping, 0), step).boxed()
}
