//! Sends a blob from an upstream to one client without keeping it, for example because the disk is full.
//!
//! As with a fill, no complete answer has wrong bytes: the last ones are withheld until the digest is verified. A range
//! cannot be verified and is sent as it comes. Both end at the size limit.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use bytes::Bytes;
use entrepot_catalog::RepoKey;
use entrepot_oci::{Digest, Hasher};
use entrepot_remote::{BlobRequest, BlobStream as RemoteStream, Endpoint, Error as RemoteError};
use futures_util::{StreamExt, stream};

use crate::{
    error::Error,
    fill::state::WITHHELD,
    served::{BlobStream, Cut, Opened},
    size_limit::SizeLimit,
    upstream::Upstream,
};

/// Attempts without progress before the answer ends short.
const ATTEMPTS: u32 = 4;

/// A blob to be sent from an upstream to one client.
#[derive(Clone)]
pub(crate) struct PassThrough {
    upstream: Arc<Upstream>,
    key: RepoKey,
    digest: Digest,
    limit: SizeLimit,
}

impl PassThrough {
    pub(crate) fn new(upstream: Arc<Upstream>, key: RepoKey, digest: Digest, limit: SizeLimit) -> Self {
        Self { upstream, key, digest, limit }
    }

    /// Starts the bytes of `range`, or of the whole blob, whose `size` may be unknown.
    pub(crate) async fn open(self, range: Option<Range<u64>>, size: Option<u64>) -> Result<Opened, Error> {
        self.limit.check(self.upstream.host(), size.unwrap_or_default())?;
        let hasher = range.is_none().then(|| Hasher::new(self.digest.algorithm()));
        let start = range.as_ref().map_or(0, |range| range.start);
        let end = range.map(|range| range.end).or(size);
        let mut transfer = Transfer {
            blob: self,
            at: start,
            end,
            stream: None,
            avoid: None,
            hasher,
            withheld: VecDeque::new(),
        };
        let first = transfer.ask().await.map_err(|error| transfer.blob.refused(error))?;
        transfer.stream = Some(first);
        let frames = stream::unfold(Some(transfer), |transfer| async {
            let mut transfer = transfer?;
            match transfer.next().await? {
                Ok(bytes) => Some((Ok(bytes), Some(transfer))),
                Err(cut) => Some((Err(cut), None)),
            }
        });
        Ok(Opened::Stream(BlobStream { mapping: None, frames: frames.boxed() }))
    }

    fn refused(&self, error: RemoteError) -> Error {
        self.upstream.blob_refused(&self.key, &self.digest, error)
    }
}

/// The bytes on their way to the client, over as many connections as it takes.
struct Transfer {
    blob: PassThrough,
    at: u64,
    end: Option<u64>,
    stream: Option<RemoteStream>,
    avoid: Option<Endpoint>,
    /// Hashes what has come so far; `None` for a range, and once the digest is verified.
    hasher: Option<Hasher>,
    withheld: VecDeque<Bytes>,
}

impl Transfer {
    /// The next bytes for the client.
    async fn next(&mut self) -> Option<Result<Bytes, Cut>> {
        loop {
            if let Some(bytes) = self.release() {
                return Some(Ok(bytes));
            }
            match self.pull().await {
                Ok(Some(bytes)) if self.hasher.is_none() => return Some(Ok(bytes)),
                Ok(Some(bytes)) => {
                    if let Some(hasher) = &mut self.hasher {
                        hasher.update(&bytes);
                    }
                    self.withheld.push_back(bytes);
                }
                Ok(None) => {
                    // Once verified, `release` hands out what was withheld.
                    let actual = self.hasher.take()?.finish();
                    if actual != self.blob.digest {
                        return Some(Err(Cut));
                    }
                }
                Err(cut) => return Some(Err(cut)),
            }
        }
    }

    fn release(&mut self) -> Option<Bytes> {
        let behind: u64 = self.withheld.iter().skip(1).map(|bytes| bytes.len() as u64).sum();
        let verified = self.hasher.is_none();
        if verified || behind >= WITHHELD { self.withheld.pop_front() } else { None }
    }

    /// The next bytes from upstream, over as many connections as it takes; `None` at the end.
    async fn pull(&mut self) -> Result<Option<Bytes>, Cut> {
        let patience = self.blob.upstream.give_up_after();
        tokio::time::timeout(patience, self.pull_on()).await.unwrap_or(Err(Cut))
    }

    async fn pull_on(&mut self) -> Result<Option<Bytes>, Cut> {
        for _ in 0..ATTEMPTS {
            if self.end.is_some_and(|end| self.at >= end) {
                return Ok(None);
            }
            if self.stream.is_none() {
                self.stream = self.ask().await.ok();
            }
            let Some(stream) = &mut self.stream else { continue };
            match stream.chunks.next().await {
                Some(Ok(bytes)) => {
                    let bytes = self.take(bytes);
                    return if self.is_too_long() { Err(Cut) } else { Ok(Some(bytes)) };
                }
                // Without a length, the end of the stream is the end.
                None if self.end.is_none() => return Ok(None),
                None | Some(Err(_)) => {
                    self.avoid = Some(stream.endpoint);
                    self.stream = None;
                }
            }
        }
        Err(Cut)
    }

    fn take(&mut self, mut bytes: Bytes) -> Bytes {
        if let Some(end) = self.end {
            bytes.truncate((end - self.at).min(bytes.len() as u64) as usize);
        }
        self.at += bytes.len() as u64;
        bytes
    }

    fn is_too_long(&self) -> bool {
        self.at > self.blob.limit.bytes()
    }

    async fn ask(&mut self) -> Result<RemoteStream, RemoteError> {
        let ask = BlobRequest { from: self.at, to: self.end.filter(|_| self.at > 0), avoid: self.avoid };
        let mut stream = self.blob.upstream.open_blob(&self.blob.key, &self.blob.digest, ask).await?;
        // An upstream without ranges starts over.
        let mut skip = self.at.saturating_sub(stream.start);
        while skip > 0 {
            let Some(bytes) = stream.chunks.next().await.transpose()? else { break };
            let rest = bytes.slice(skip.min(bytes.len() as u64) as usize..);
            skip -= (bytes.len() - rest.len()) as u64;
            if !rest.is_empty() {
                stream.chunks = stream::iter([Ok(rest)]).chain(stream.chunks).boxed();
            }
        }
        Ok(stream)
    }
}
