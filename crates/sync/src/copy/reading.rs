//! Reads a blob from its source, resumes if the connection breaks, and hashes the bytes.
//!
//! The last piece is withheld until the digest is verified. So a consumer that got all pieces has the right blob, and a
//! wrong blob can never be passed on completely.

use std::{mem, sync::Arc};

use bytes::Bytes;
use entrepot_oci::Hasher;
use entrepot_remote::{Error as RemoteError, InvalidResponse};
use futures_util::StreamExt as _;

use super::{blob::Blob, progress::Tally};
use crate::endpoints::{EndpointError, ImageSource, Pieces, backoff};

/// The largest piece, in bytes.
pub(crate) const PIECE: usize = 64 << 10;

/// The number of retries without progress.
const TRIES: u32 = 5;

/// A position within a blob, with the hash of everything before it.
#[derive(Clone)]
pub(crate) struct Mark {
    pub(crate) at: u64,
    hasher: Hasher,
}

impl Mark {
    /// The start of the blob.
    pub(crate) fn start(blob: Blob) -> Self {
        Self { at: 0, hasher: Hasher::new(blob.digest.algorithm()) }
    }
}

/// Some bytes of a blob, and the position after them.
#[derive(Clone)]
pub(crate) struct Piece {
    pub(crate) bytes: Bytes,
    pub(crate) after: Mark,
}

/// The source of a blob.
#[derive(Clone)]
pub(crate) struct BlobOrigin {
    pub(crate) source: Arc<ImageSource>,
    pub(crate) blob: Blob,
    pub(crate) tally: Arc<Tally>,
}

/// A read of a blob in progress.
pub(crate) struct BlobReader {
    origin: BlobOrigin,
    mark: Mark,
    pieces: Option<Pieces>,
    /// Received, but not yet cut into pieces.
    rest: Bytes,
    /// The last piece, released when the next one arrives or the digest is verified.
    withheld: Option<Piece>,
    strikes: u32,
}

impl BlobReader {
    /// Starts reading at `mark`.
    pub(crate) fn new(origin: BlobOrigin, mark: Mark) -> Self {
        Self { origin, mark, pieces: None, rest: Bytes::new(), withheld: None, strikes: 0 }
    }

    /// The next piece; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Piece>, EndpointError> {
        loop {
            if self.mark.at == self.origin.blob.size {
                self.prove()?;
                return Ok(self.withheld.take());
            }
            let bytes = self.bytes().await?;
            self.mark.hasher.update(&bytes);
            self.mark.at += bytes.len() as u64;
            let piece = Piece { bytes, after: self.mark.clone() };
            if let Some(before) = self.withheld.replace(piece) {
                return Ok(Some(before));
            }
        }
    }

    fn prove(&mut self) -> Result<(), EndpointError> {
        // Checking again is cheap, and only the last piece follows.
        if self.mark.hasher.clone().finish() == self.origin.blob.digest {
            return Ok(());
        }
        self.withheld = None;
        Err(RemoteError::from(InvalidResponse::WrongDigest).into())
    }

    // The next bytes, limited to the blob and to the size of a piece.
    async fn bytes(&mut self) -> Result<Bytes, EndpointError> {
        while self.rest.is_empty() {
            match self.receive().await {
                Ok(bytes) => {
                    self.origin.tally.read(bytes.len() as u64);
                    self.strikes = 0;
                    self.rest = bytes;
                }
                Err(error) => self.strike(error).await?,
            }
        }
        let left = usize::try_from(self.origin.blob.size - self.mark.at).unwrap_or(usize::MAX);
        let length = self.rest.len().min(PIECE).min(left);
        // Copy the bytes, so that a queued piece does not keep its receive buffer, several times its size.
        let bytes = Bytes::copy_from_slice(&self.rest.split_to(length));
        if length == left {
            self.rest = Bytes::new();
        }
        Ok(bytes)
    }

    async fn receive(&mut self) -> Result<Bytes, EndpointError> {
        let pieces = match &mut self.pieces {
            Some(pieces) => pieces,
            None => {
                let at = self.mark.at;
                let opened = self.origin.source.blob(&self.origin.blob.digest, at).await?;
                self.pieces.insert(behind(opened.pieces, at.saturating_sub(opened.start)))
            }
        };
        match pieces.next().await {
            Some(bytes) => bytes,
            None => Err(RemoteError::Cut { source: Arc::new(EarlyEnd) }.into()),
        }
    }

    async fn strike(&mut self, error: EndpointError) -> Result<(), EndpointError> {
        self.pieces = None;
        self.strikes += 1;
        if !error.may_pass() || self.strikes > TRIES {
            return Err(error);
        }
        tracing::debug!(blob = %self.origin.blob.digest, at = self.mark.at, %error, "a read is taken up again");
        tokio::time::sleep(backoff(self.strikes)).await;
        Ok(())
    }
}

/// The data ended before the blob did.
#[derive(Debug, thiserror::Error)]
#[error("the blob is shorter than its manifest says")]
struct EarlyEnd;

// Skips bytes that were sent but not requested.
fn behind(pieces: Pieces, mut skip: u64) -> Pieces {
    if skip == 0 {
        return pieces;
    }
    let skipped = pieces.filter_map(move |piece| {
        let kept = piece.map(|mut bytes| {
            let leading = usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len());
            skip -= leading as u64;
            drop(bytes.split_to(leading));
            bytes
        });
        let kept = Some(kept).filter(|kept| !matches!(kept, Ok(bytes) if bytes.is_empty()));
        std::future::ready(kept)
    });
    skipped.boxed()
}

impl Piece {
    /// Drops the bytes before `at`.
    pub(crate) fn cut(&mut self, at: u64) {
        let start = self.after.at - self.bytes.len() as u64;
        let leading = usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX).min(self.bytes.len());
        drop(mem::take(&mut self.bytes.split_to(leading)));
    }
}
