//! The parts of the mirror and the settings that all downloads share.

use std::sync::Arc;

use entrepot_blobs::StageId;
use entrepot_catalog::RepoKey;
use entrepot_eviction::Admission;
use entrepot_oci::Digest;
use tokio_util::sync::CancellationToken;

use super::state::FillFailure;
use crate::{
    holdings::Holdings,
    metrics::MirrorMetrics,
    room::{IncomingBytes, Room},
    size_limit::SizeLimit,
};

/// The parts of the mirror that a download needs, and its settings.
pub(crate) struct FillContext {
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) room: Arc<Room>,
    pub(crate) metrics: MirrorMetrics,
    /// Cancelled when the mirror stops.
    pub(crate) stopping: CancellationToken,
    /// The most connections that one download uses; at least one.
    pub(crate) connections: usize,
    /// The most bytes of a blob whose size no manifest states.
    pub(crate) max_blob_size: u64,
}

impl FillContext {
    /// The most bytes that are accepted of a blob.
    pub(crate) async fn size_limit(&self, key: &RepoKey, digest: &Digest) -> SizeLimit {
        SizeLimit::new(self.holdings.stated_size(key, digest).await, self.max_blob_size)
    }

    /// Room for a blob of `size` bytes, which is taken until it is held or given up. What is pinned gets it in any case.
    ///
    /// # Errors
    /// [`FillFailure::NoSpace`]: it is not to be kept.
    pub(super) async fn room_for(
        &self,
        key: &RepoKey,
        digest: &Digest,
        size: u64,
    ) -> Result<IncomingBytes, FillFailure> {
        if self.room.is_limited() {
            let image = self.holdings.size_around(key, digest).await;
            let admission = self.room.admit(size, image);
            if admission != Admission::Kept && !self.holdings.is_pinned(key, digest).await {
                tracing::info!(%key, %digest, size, ?admission, "a blob is passed through without being kept");
                return Err(FillFailure::NoSpace);
            }
        }
        Ok(self.room.expect(size))
    }

    /// Deletes a partial file. One that stays is deleted when its time is up.
    pub(super) async fn discard(&self, digest: Digest) {
        if let Err(error) = self.holdings.discard_staged(&StageId::Fill(digest)).await {
            tracing::warn!(%error, "a partial file could not be removed");
        }
    }
}
