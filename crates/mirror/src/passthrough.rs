//! Passing a blob through without keeping it: what is left when the disk is full.
//!
//! The same promise holds as for a fill: a whole answer with wrong bytes does not happen, since the last bytes wait
//! for the digest. A range cannot be held against it; it goes out as it comes. Neither is longer than a blob may be.

use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;
use entrepot_catalog::RepoKey;
use entrepot_oci::{Digest, Hasher};
use entrepot_remote::{BlobRequest, BlobStream as RemoteStream, Endpoint, Error as RemoteError, Remote};
use futures_util::{StreamExt, stream};

use crate::{
    BlobStream, Cut, Error, Opened,
    fill::{WITHHELD, ceiling::Ceiling},
    upstream::blob_refused,
};

/// Attempts without progress before the answer ends short.
const ATTEMPTS: u32 = 4;

/// A blob on its way from an upstream to one client.
pub(crate) struct PassThrough {
    remote: Remote,
    key: RepoKey,
    digest: Digest,
    ceiling: Ceiling,
}

impl PassThrough {
    pub(crate) fn new(remote: Remote, key: RepoKey, digest: Digest, ceiling: Ceiling) -> Self {
        Self { remote, key, digest, ceiling }
    }

    pub(crate) async fn open(self, range: Option<Range<u64>>, size: Option<u64>) -> Result<Opened, Error> {
        self.ceiling.check(self.remote.host(), size.unwrap_or_default())?;
        let hasher = range.is_none().then(|| Hasher::new(self.digest.algorithm()));
        let start = range.as_ref().map_or(0, |range| range.start);
        let end = range.map(|range| range.end).or(size);
        let mut flow =
            Flow { blob: self, at: start, end, stream: None, avoid: None, hasher, withheld: VecDeque::new() };
        let first = flow.ask().await.map_err(|error| flow.blob.refused(error))?;
        flow.stream = Some(first);
        let frames = stream::unfold(Some(flow), |flow| async {
            let mut flow = flow?;
            match flow.next().await? {
                Ok(bytes) => Some((Ok(bytes), Some(flow))),
                Err(cut) => Some((Err(cut), None)),
            }
        });
        Ok(Opened::Stream(BlobStream { mapping: None, frames: frames.boxed() }))
    }

    fn refused(&self, error: RemoteError) -> Error {
        blob_refused(self.remote.host(), &self.key, &self.digest, error)
    }
}

struct Flow {
    blob: PassThrough,
    at: u64,
    end: Option<u64>,
    stream: Option<RemoteStream>,
    avoid: Option<Endpoint>,
    /// What has come so far, where it is the whole blob.
    hasher: Option<Hasher>,
    withheld: VecDeque<Bytes>,
}

impl Flow {
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
                    // Once it is confirmed, `release` gives out what was kept back.
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
        let confirmed = self.hasher.is_none();
        if confirmed || behind >= WITHHELD { self.withheld.pop_front() } else { None }
    }

    /// The next bytes from upstream, over as many connections as it takes; `None` at the end.
    async fn pull(&mut self) -> Result<Option<Bytes>, Cut> {
        let endpoints = u32::try_from(self.blob.remote.endpoint_count()).unwrap_or(u32::MAX);
        let patience = self.blob.remote.patience().give_up.saturating_mul(endpoints);
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
        self.at > self.blob.ceiling.bytes()
    }

    async fn ask(&mut self) -> Result<RemoteStream, RemoteError> {
        let ask = BlobRequest { from: self.at, to: self.end.filter(|_| self.at > 0), avoid: self.avoid };
        let mut stream = self.blob.remote.blob(&self.blob.key.repository, &self.blob.digest, ask).await?;
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
