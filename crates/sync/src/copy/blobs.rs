//! Brings one blob to one target: does nothing if it is there, mounts it if the registry has it, else sends the bytes.

use std::sync::Arc;

use entrepot_oci::Repository;
use entrepot_remote::Mount;
use tokio::sync::Semaphore;

use super::{
    blob_stream::BlobStream,
    memory::{Claim, ContentId, ContentKind, ContentPlace, ContentTaker, Memory, changed},
    reading::BlobOrigin,
    send::{Begin, SendError, SendOutcome, send},
    shared::Ballot,
};
use crate::endpoints::{EndpointError, Sink};

/// The target of blobs.
#[derive(Clone)]
pub(super) struct BlobTarget {
    pub(super) sink: Arc<Sink>,
    pub(super) spot: ContentPlace,
    pub(super) memory: Arc<Memory>,
    pub(super) room: Arc<Semaphore>,
    /// The source repository, if it is at the same registry.
    pub(super) beside: Option<Repository>,
    /// True if the repository is known to have been empty before this run.
    pub(super) is_new: bool,
}

/// Prepared for a blob in advance: a claim, and a ballot for the shared read.
pub(super) struct BlobStake {
    pub(super) claim: Claim,
    pub(super) ballot: Ballot,
}

impl BlobTarget {
    /// Brings a blob to the target.
    pub(super) async fn bring(
        &self,
        origin: BlobOrigin,
        stake: Option<BlobStake>,
    ) -> Result<SendOutcome, SendError> {
        let (mut claim, mut ballot) = match stake {
            Some(BlobStake { claim, ballot }) => (claim, Some(ballot)),
            None => (self.claim(&origin), None),
        };
        loop {
            match claim {
                Claim::Held => return Ok(SendOutcome::Present),
                Claim::Busy(change) => {
                    // This read may not be needed at all, so do not keep the others waiting.
                    drop(ballot.take());
                    changed(change).await;
                    claim = self.claim(&origin);
                }
                Claim::Mine(duty, from) => {
                    let brought = self.now(&origin, from, ballot).await?;
                    duty.done();
                    return Ok(brought);
                }
            }
        }
    }

    fn claim(&self, origin: &BlobOrigin) -> Claim {
        let content = ContentId { kind: ContentKind::Blob, digest: origin.blob.digest };
        self.memory.claim(content, ContentTaker { spot: &self.spot, mounts: self.sink.may_mount() })
    }

    async fn now(
        &self,
        origin: &BlobOrigin,
        from: Option<Repository>,
        ballot: Option<Ballot>,
    ) -> Result<SendOutcome, SendError> {
        let mut begin = if self.is_new && self.sink.may_mount() { Begin::Asking } else { Begin::Anew };
        if let Some(from) = from.or_else(|| self.beside.clone()).filter(|_| self.sink.may_mount()) {
            match self.mount(origin, &from).await.map_err(SendError::Target)? {
                Mount::Mounted => return Ok(SendOutcome::Mounted),
                Mount::Refused(upload) => begin = Begin::With(upload),
            }
        }
        if !self.is_new && self.sink.has_blob(&origin.blob.digest).await.map_err(SendError::Target)? {
            if let Begin::With(upload) = begin {
                upload.cancel().await;
            }
            return Ok(SendOutcome::Present);
        }
        self.write(origin, ballot, begin).await
    }

    async fn mount(&self, origin: &BlobOrigin, from: &Repository) -> Result<Mount, EndpointError> {
        let Sink::Registry(at) = &*self.sink else { return Err(EndpointError::NotFound) };
        let digest = &origin.blob.digest;
        let mount = || at.conn.remote().mount_blob(&at.repository, digest, from);
        let mounted = at.conn.patiently(mount).await?;
        at.conn.mounted(matches!(mounted, Mount::Mounted));
        Ok(mounted)
    }

    async fn write(
        &self,
        origin: &BlobOrigin,
        ballot: Option<Ballot>,
        begin: Begin,
    ) -> Result<SendOutcome, SendError> {
        let (read, room) = (origin.clone(), Arc::clone(&self.room));
        let blob_stream = match ballot {
            Some(ballot) => ballot.join(read, room),
            None => BlobStream::own(read, room),
        };
        send(&self.sink, origin.blob, blob_stream, begin).await
    }
}
