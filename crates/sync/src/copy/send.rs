//! Sends one blob to one target: in one request, or in chunks if that fails.

use std::time::Duration;

use entrepot_oci::Digest;
use entrepot_remote::{Error as RemoteError, InvalidResponse, Mount, Refusal, Upload};

use super::{blob::Blob, blob_stream::BlobStream, reading::Mark};
use crate::endpoints::{EndpointError, LayoutWriter, RepositoryRef, Sink, Tarball, backoff};

/// The number of attempts without progress.
const TRIES: u32 = 5;

/// The chunk size after a single request was cut or refused, and the smallest chunk, in bytes.
const CHUNK: u64 = 16 << 20;
const SMALLEST: u64 = 1 << 20;

/// The side that failed.
#[derive(Clone, Debug)]
pub(super) enum SendError {
    /// The source.
    Source(EndpointError),
    /// The source, which does not have this blob.
    Missing(Digest),
    /// The target.
    Target(EndpointError),
}

impl SendError {
    /// The same about a blob.
    pub(super) fn about(self, blob: Blob) -> Self {
        match self {
            Self::Source(error) if error.is_not_found() => Self::Missing(blob.digest),
            other => other,
        }
    }
}

/// The way a blob got to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendOutcome {
    /// It was there already.
    Present,
    /// Mounted from another repository of the registry.
    Mounted,
    /// Uploaded.
    Written,
}

/// The start of an upload.
pub(super) enum Begin {
    /// Use the upload that a refused mount has opened.
    With(Box<Upload>),
    /// Try to mount the blob from the target repository itself. A killed run may leave blobs there that no tag refers
    /// to; these are mounted. For others this opens the upload: one request, the same as without the attempt.
    Asking,
    /// Open a new upload.
    Anew,
}

/// Sends a blob, unless it turns out to be there.
pub(super) async fn send(
    sink: &Sink,
    blob: Blob,
    blob_stream: BlobStream,
    begin: Begin,
) -> Result<SendOutcome, SendError> {
    match sink {
        Sink::Registry(at) => {
            return BlobUpload { at, blob, blob_stream, chunk: at.conn.chunk(blob.size), is_refused: false }
                .run(begin)
                .await;
        }
        Sink::Layout(layout) => to_layout(layout, blob, &blob_stream).await?,
        Sink::Archive(archive) => to_archive(archive, blob, &blob_stream).await?,
    }
    Ok(SendOutcome::Written)
}

async fn to_layout(layout: &LayoutWriter, blob: Blob, blob_stream: &BlobStream) -> Result<(), SendError> {
    let mut draft = layout.begin(&blob.digest).await.map_err(SendError::Target)?;
    while let Some(bytes) = blob_stream.next(u64::MAX).await.map_err(SendError::Source)? {
        draft.write(&bytes).await.map_err(SendError::Target)?;
    }
    draft.finish().await.map_err(SendError::Target)
}

async fn to_archive(archive: &Tarball, blob: Blob, blob_stream: &BlobStream) -> Result<(), SendError> {
    let mut place = archive.append(&blob.digest, blob.size).await.map_err(SendError::Target)?;
    while let Some(bytes) = blob_stream.next(u64::MAX).await.map_err(SendError::Source)? {
        place.write(&bytes).await.map_err(SendError::Target)?;
    }
    place.done().await.map_err(SendError::Target)
}

struct BlobUpload<'a> {
    at: &'a RepositoryRef,
    blob: Blob,
    blob_stream: BlobStream,
    /// The chunk size; `None` for a single request.
    chunk: Option<u64>,
    /// Whether the upload was begun anew because of a refusal.
    is_refused: bool,
}

impl BlobUpload<'_> {
    async fn run(mut self, begin: Begin) -> Result<SendOutcome, SendError> {
        let mut opened = match begin {
            Begin::With(upload) => Some(*upload),
            Begin::Anew => None,
            Begin::Asking => match self.ask().await.map_err(SendError::Target)? {
                Mount::Mounted => return Ok(SendOutcome::Present),
                Mount::Refused(upload) => Some(*upload),
            },
        };
        let mut tries = 0;
        loop {
            let upload = match opened.take() {
                Some(upload) => upload,
                None => self.start().await.map_err(SendError::Target)?,
            };
            self.blob_stream.ready().await.map_err(SendError::Source)?;
            let Err(error) = self.attempt(upload).await else { return Ok(SendOutcome::Written) };
            if let Some(failure) = self.blob_stream.failure().await {
                return Err(SendError::Source(failure));
            }
            tries += 1;
            let error = EndpointError::from(error);
            if tries >= TRIES || !self.may_pass(&error, tries) {
                return Err(SendError::Target(error));
            }
            tracing::debug!(blob = %self.blob.digest, %error, chunk = self.chunk, "an upload begins anew");
            tokio::time::sleep(error.wait().unwrap_or(Duration::ZERO) + backoff(tries)).await;
            // The response may have been lost although the blob arrived.
            if (error.may_pass() || is_gone(&error)) && self.is_there().await {
                return Ok(SendOutcome::Written);
            }
            self.blob_stream = self.blob_stream.again(None, 0).await;
        }
    }

    async fn ask(&self) -> Result<Mount, EndpointError> {
        let RepositoryRef { conn, repository } = self.at;
        let ask = || conn.remote().mount_blob(repository, &self.blob.digest, repository);
        conn.patiently(ask).await
    }

    async fn start(&self) -> Result<Upload, EndpointError> {
        let RepositoryRef { conn, repository } = self.at;
        conn.patiently(|| conn.remote().start_upload(repository)).await
    }

    async fn is_there(&self) -> bool {
        let RepositoryRef { conn, repository } = self.at;
        conn.remote().head_blob(repository, &self.blob.digest).await.is_ok()
    }

    async fn attempt(&mut self, upload: Upload) -> Result<(), RemoteError> {
        let _line = self.at.conn.line().await;
        match self.chunk {
            None => upload.send(&self.blob.digest, self.blob_stream.load(self.blob.size)).await,
            Some(chunk) => self.chunks(upload, chunk).await,
        }
    }

    async fn chunks(&mut self, mut upload: Upload, chunk: u64) -> Result<(), RemoteError> {
        let mut chunk = chunk.max(upload.least_chunk().unwrap_or_default());
        let mut strikes = 0;
        while upload.sent() < self.blob.size {
            let (at, mark) = (upload.sent(), self.blob_stream.mark().await);
            let Err(error) = upload.chunk(self.blob_stream.load(chunk.min(self.blob.size - at))).await else {
                strikes = 0;
                continue;
            };
            strikes += 1;
            if self.blob_stream.failure().await.is_some() || strikes >= TRIES || !is_cut(&error) {
                return Err(error);
            }
            tokio::time::sleep(backoff(strikes)).await;
            self.resume(&mut upload, at, mark).await?;
            if upload.sent() > at {
                strikes = 0;
            } else if strikes > 1 {
                chunk = smaller(chunk).max(upload.least_chunk().unwrap_or_default());
            }
        }
        upload.finish(&self.blob.digest).await
    }

    // Continues after the bytes that have arrived.
    async fn resume(&mut self, upload: &mut Upload, at: u64, mark: Mark) -> Result<(), RemoteError> {
        let arrived = upload.position().await?;
        if arrived > self.blob.size {
            return Err(InvalidResponse::Range.into());
        }
        tracing::debug!(blob = %self.blob.digest, at, arrived, "a chunk is taken up again");
        self.blob_stream = self.blob_stream.again(Some(mark), arrived).await;
        Ok(())
    }

    fn smaller_chunk(&self) -> u64 {
        self.chunk.map_or(CHUNK, smaller).min(self.blob.size / 2).max(SMALLEST)
    }

    // True if a retry may succeed, perhaps with smaller chunks. A registry that refuses a long body closes the connection, and
    // its reason may be lost with it: after a second cut, a body of any length is sent in smaller parts.
    fn may_pass(&mut self, error: &EndpointError, tries: u32) -> bool {
        let EndpointError::Registry(registrys) = error else { return false };
        match registrys.refusal() {
            Some(Refusal::Size) => {
                self.chunk = Some(self.smaller_chunk());
                self.blob.size > SMALLEST
            }
            Some(Refusal::Upload) => true,
            // The registry let the upload begin. Its token may have died since, and the next upload fetches another.
            Some(Refusal::Rights) => !std::mem::replace(&mut self.is_refused, true),
            _ if error.may_pass() => {
                let is_cut = error.wait().is_none();
                if is_cut && self.chunk.is_none() && self.blob.size > CHUNK {
                    self.chunk = Some(CHUNK);
                } else if is_cut && tries > 1 && self.blob.size > SMALLEST {
                    self.chunk = Some(self.smaller_chunk());
                }
                true
            }
            _ => false,
        }
    }
}

fn smaller(chunk: u64) -> u64 {
    (chunk / 4).max(SMALLEST)
}

// True if the registry does not know the upload: a repeated request may have found that the first one had ended it.
fn is_gone(error: &EndpointError) -> bool {
    matches!(error, EndpointError::Registry(error) if error.refusal() == Some(Refusal::Upload))
}

// True if part of a chunk may have arrived.
fn is_cut(error: &RemoteError) -> bool {
    let range = matches!(
        error,
        RemoteError::Invalid(InvalidResponse::Range) | RemoteError::Denied { status: 416, .. }
    );
    range || (EndpointError::from(error.clone()).may_pass() && !matches!(error, RemoteError::Limited { .. }))
}
