//! The body of an upload: it has exactly the announced length, and its request ends when the registry stops reading.
//!
//! An [`UploadBody`] is what is sent, a [`BodyStream`] the same in progress. [`SendProgress`] knows whether the
//! request waits for the source, which has its own timeouts, or for the registry.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, future, stream, stream::BoxStream};
use tokio::time::Instant;

use crate::{
    error::{Cause, Error},
    links::link::Link,
    patience::Patience,
};

// Bytes in memory are sent in pieces, so that progress shows.
const PIECE: usize = 64 << 10;

/// The body of an upload.
pub enum UploadBody {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes that arrive while they are sent.
    Stream {
        /// Their number.
        length: u64,
        /// The bytes. An error ends the request, and is returned as [`Error::UploadBody`].
        chunks: BoxStream<'static, Result<Bytes, Cause>>,
    },
}

impl UploadBody {
    /// A stream of `length` bytes; fewer or more are an error.
    pub fn stream<E>(length: u64, chunks: impl Stream<Item = Result<Bytes, E>> + Send + 'static) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let chunks = chunks.map(|chunk| chunk.map_err(|error| Arc::new(error) as Cause)).boxed();
        Self::Stream { length, chunks }
    }

    /// The number of bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Stream { length, .. } => *length,
        }
    }

    /// The same body once more, if it is still there.
    pub(crate) fn replay(&self) -> Option<Self> {
        match self {
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::Stream { .. } => None,
        }
    }

    /// The same body, counted and paced by a link.
    pub(crate) fn over(self, link: &Arc<Link>) -> Self {
        let (length, link) = (self.length(), Arc::clone(link));
        let chunks = stream::unfold((self.chunks(), link), |(mut chunks, link)| async {
            let chunk = chunks.next().await?;
            let wait = chunk.as_ref().map_or(Duration::ZERO, |chunk| link.sent(chunk.len() as u64));
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            Some((chunk, (chunks, link)))
        });
        Self::Stream { length, chunks: chunks.boxed() }
    }

    fn chunks(self) -> BoxStream<'static, Result<Bytes, Cause>> {
        match self {
            Self::Stream { chunks, .. } => chunks,
            Self::Bytes(bytes) => {
                let piece = move |mut left: Bytes| {
                    let piece = left.split_to(left.len().min(PIECE));
                    future::ready((!piece.is_empty()).then_some((Ok(piece), left)))
                };
                stream::unfold(bytes, piece).boxed()
            }
        }
    }
}

impl From<Bytes> for UploadBody {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl fmt::Debug for UploadBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UploadBody({} bytes)", self.length())
    }
}

/// The source has fewer or more bytes than announced.
#[derive(Debug, thiserror::Error)]
#[error("the source gave {0} bytes than it said")]
struct WrongLength(&'static str);

/// What a request waits for.
enum Stage {
    /// The next bytes of the source.
    Source,
    /// The registry, to read the bytes sent at this time.
    Sending(Instant),
    /// The registry, to respond. The last bytes were sent at this time.
    Sent(Instant),
    /// Nothing: the source failed.
    Failed(Cause),
}

/// A body while it is sent.
pub(crate) struct BodyStream {
    chunks: BoxStream<'static, Result<Bytes, Cause>>,
    left: u64,
    stage: Arc<Mutex<Stage>>,
}

/// The progress of a body.
pub(crate) struct SendProgress(Arc<Mutex<Stage>>);

impl BodyStream {
    pub(crate) fn new(body: UploadBody) -> (Self, SendProgress) {
        let stage = Arc::new(Mutex::new(Stage::Sending(Instant::now())));
        let left = body.length();
        (Self { chunks: body.chunks(), left, stage: Arc::clone(&stage) }, SendProgress(stage))
    }

    fn fail(&self, cause: Cause) -> Poll<Option<Result<Bytes, Cause>>> {
        *lock(&self.stage) = Stage::Failed(Arc::clone(&cause));
        Poll::Ready(Some(Err(cause)))
    }
}

impl Stream for BodyStream {
    type Item = Result<Bytes, Cause>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if matches!(*lock(&self.stage), Stage::Failed(_)) {
            return Poll::Ready(None);
        }
        match self.chunks.poll_next_unpin(cx) {
            Poll::Pending => {
                *lock(&self.stage) = Stage::Source;
                Poll::Pending
            }
            Poll::Ready(Some(Ok(chunk))) => {
                let Some(left) = self.left.checked_sub(chunk.len() as u64) else {
                    return self.fail(Arc::new(WrongLength("more")));
                };
                self.left = left;
                let now = Instant::now();
                // The HTTP client does not poll for the end of a body with a length.
                *lock(&self.stage) = if left == 0 { Stage::Sent(now) } else { Stage::Sending(now) };
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(Some(Err(cause))) => self.fail(cause),
            Poll::Ready(None) if self.left > 0 => self.fail(Arc::new(WrongLength("fewer"))),
            Poll::Ready(None) => Poll::Ready(None),
        }
    }
}

impl SendProgress {
    /// Waits for the response to the request with this body, until the registry takes too long.
    pub(crate) async fn answered(
        self,
        sent: impl Future<Output = Result<reqwest::Response, Error>>,
        patience: Patience,
    ) -> Result<reqwest::Response, Error> {
        let given_up = async {
            while let Some(left) = self.left(patience, Instant::now()) {
                tokio::time::sleep(left).await;
            }
        };
        tokio::select! {
            biased;
            sent = sent => sent.map_err(|failed| self.blame(failed)),
            () = given_up => Err(Error::TimedOut),
        }
    }

    // How long to sleep; `None` if the registry took too long.
    fn left(&self, patience: Patience, now: Instant) -> Option<Duration> {
        let until = match *lock(&self.0) {
            Stage::Source | Stage::Failed(_) => return Some(patience.idle),
            Stage::Sending(since) => since + patience.headers,
            Stage::Sent(since) => since + patience.commit,
        };
        let left = until.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    fn blame(&self, failed: Error) -> Error {
        match &*lock(&self.0) {
            Stage::Failed(cause) => Error::UploadBody { source: Arc::clone(cause) },
            _ => failed,
        }
    }
}

fn lock(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    // A stage is replaced as a whole.
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(body: UploadBody) -> (Vec<Result<Bytes, Cause>>, SendProgress) {
        let (stream, progress) = BodyStream::new(body);
        (stream.collect().await, progress)
    }

    fn pieces(length: u64, pieces: &[&'static str]) -> UploadBody {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes())))
            .collect();
        UploadBody::stream(length, stream::iter(pieces))
    }

    #[tokio::test]
    async fn lengths_are_held() {
        let (chunks, progress) = run(pieces(4, &["ab", "cd"])).await;
        assert!(chunks.iter().all(Result::is_ok) && matches!(*lock(&progress.0), Stage::Sent(_)));
        for wrong in [pieces(4, &["ab"]), pieces(3, &["ab", "cd"])] {
            let (chunks, progress) = run(wrong).await;
            assert!(chunks.last().unwrap().is_err() && matches!(*lock(&progress.0), Stage::Failed(_)));
        }
        let (chunks, _) = run(UploadBody::from(Bytes::from(vec![0; 3 * PIECE + 1]))).await;
        assert_eq!(chunks.len(), 4);
    }

    #[tokio::test]
    async fn only_the_registry_is_hurried() {
        let silent = UploadBody::stream(1, stream::pending::<Result<Bytes, std::io::Error>>());
        let ((mut stream, progress), patience) = (BodyStream::new(silent), Patience::default());
        let (now, hour) = (Instant::now(), Duration::from_secs(3600));
        let left = |stage, after| {
            *lock(&progress.0) = stage;
            progress.left(patience, now + after)
        };
        assert_eq!(left(Stage::Source, hour), Some(patience.idle));
        assert_eq!(left(Stage::Sending(now), Duration::ZERO), Some(patience.headers));
        assert_eq!(left(Stage::Sending(now), hour), None);
        assert_eq!(left(Stage::Sent(now), Duration::ZERO), Some(patience.commit));
        assert_eq!(left(Stage::Sent(now), hour), None);
        assert!(futures_util::poll!(stream.next()).is_pending());
        assert!(matches!(*lock(&progress.0), Stage::Source));
    }
}
