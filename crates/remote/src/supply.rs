//! Sending a body: exactly as long as was said, and given up when the other side takes none of it.
//!
//! A [`Load`] is what is to be sent. [`Supply`] is the same on its way: it counts, and its [`Watch`] knows whether we wait
//! for the source, which has a patience of its own, or for the registry, which must not keep us waiting.

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
    client::Patience,
    error::{self, Cause, Error},
};

// A body at hand goes out in pieces, so that it is seen to move.
const PIECE: usize = 64 << 10;

/// What is sent to a registry.
pub enum Load {
    /// Bytes at hand.
    Bytes(Bytes),
    /// Bytes that come while they are sent.
    Stream {
        /// How many.
        length: u64,
        /// The bytes. An error ends the request, and comes back as [`Error::Supply`].
        chunks: BoxStream<'static, Result<Bytes, Cause>>,
    },
}

impl Load {
    /// `length` bytes that come while they are sent; fewer or more of them are an error.
    pub fn stream<E>(length: u64, chunks: impl Stream<Item = Result<Bytes, E>> + Send + 'static) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let chunks = chunks.map(|chunk| chunk.map_err(|error| Arc::new(error) as Cause)).boxed();
        Self::Stream { length, chunks }
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Stream { length, .. } => *length,
        }
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

impl From<Bytes> for Load {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Load({} bytes)", self.length())
    }
}

/// The source gave fewer or more bytes than was said.
#[derive(Debug, thiserror::Error)]
#[error("the source gave {0} bytes than it said")]
struct WrongLength(&'static str);

/// Whom a request waits for.
enum Stage {
    /// The source.
    Source,
    /// The registry, which takes bytes.
    Wire(Instant),
    /// The registry, which has them all.
    Sent(Instant),
    /// Nobody: the source failed.
    Failed(Cause),
}

/// A body on its way out.
pub(crate) struct Supply {
    chunks: BoxStream<'static, Result<Bytes, Cause>>,
    left: u64,
    stage: Arc<Mutex<Stage>>,
}

/// How far a body has come.
pub(crate) struct Watch(Arc<Mutex<Stage>>);

impl Supply {
    pub(crate) fn new(load: Load) -> (Self, Watch) {
        let stage = Arc::new(Mutex::new(Stage::Wire(Instant::now())));
        let left = load.length();
        (Self { chunks: load.chunks(), left, stage: Arc::clone(&stage) }, Watch(stage))
    }

    fn fail(&self, cause: Cause) -> Poll<Option<Result<Bytes, Cause>>> {
        *lock(&self.stage) = Stage::Failed(Arc::clone(&cause));
        Poll::Ready(Some(Err(cause)))
    }
}

impl Stream for Supply {
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
                // A body whose length was said is not asked for its end.
                *lock(&self.stage) = if left == 0 { Stage::Sent(now) } else { Stage::Wire(now) };
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(Some(Err(cause))) => self.fail(cause),
            Poll::Ready(None) if self.left > 0 => self.fail(Arc::new(WrongLength("fewer"))),
            Poll::Ready(None) => Poll::Ready(None),
        }
    }
}

impl Watch {
    /// Waits for the answer to a request with this body, for as long as it makes sense.
    pub(crate) async fn answered(
        self,
        sent: impl Future<Output = Result<reqwest::Response, reqwest::Error>>,
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

    // How long there is nothing to be done; `None` once it has taken too long.
    fn left(&self, patience: Patience, now: Instant) -> Option<Duration> {
        let until = match *lock(&self.0) {
            Stage::Source | Stage::Failed(_) => return Some(patience.idle),
            Stage::Wire(since) => since + patience.headers,
            Stage::Sent(since) => since + patience.commit,
        };
        let left = until.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    fn blame(&self, failed: reqwest::Error) -> Error {
        match &*lock(&self.0) {
            Stage::Failed(cause) => Error::Supply { source: Arc::clone(cause) },
            _ => error::before_answer(failed),
        }
    }
}

fn lock(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    // A stage is written whole.
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(load: Load) -> (Vec<Result<Bytes, Cause>>, Watch) {
        let (supply, watch) = Supply::new(load);
        (supply.collect().await, watch)
    }

    fn pieces(length: u64, pieces: &[&'static str]) -> Load {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes())))
            .collect();
        Load::stream(length, stream::iter(pieces))
    }

    #[tokio::test]
    async fn lengths_are_held() {
        let (chunks, watch) = run(pieces(4, &["ab", "cd"])).await;
        assert!(chunks.iter().all(Result::is_ok) && matches!(*lock(&watch.0), Stage::Sent(_)));
        for wrong in [pieces(4, &["ab"]), pieces(3, &["ab", "cd"])] {
            let (chunks, watch) = run(wrong).await;
            assert!(chunks.last().unwrap().is_err() && matches!(*lock(&watch.0), Stage::Failed(_)));
        }
        let (chunks, _) = run(Load::from(Bytes::from(vec![0; 3 * PIECE + 1]))).await;
        assert_eq!(chunks.len(), 4);
    }

    #[tokio::test]
    async fn only_the_registry_is_hurried() {
        let silent = Load::stream(1, stream::pending::<Result<Bytes, std::io::Error>>());
        let ((mut supply, watch), patience) = (Supply::new(silent), Patience::default());
        let (now, hour) = (Instant::now(), Duration::from_secs(3600));
        let left = |stage, after| {
            *lock(&watch.0) = stage;
            watch.left(patience, now + after)
        };
        assert_eq!(left(Stage::Source, hour), Some(patience.idle));
        assert_eq!(left(Stage::Wire(now), Duration::ZERO), Some(patience.headers));
        assert_eq!(left(Stage::Wire(now), hour), None);
        assert_eq!(left(Stage::Sent(now), Duration::ZERO), Some(patience.commit));
        assert_eq!(left(Stage::Sent(now), hour), None);
        assert!(futures_util::poll!(supply.next()).is_pending());
        assert!(matches!(*lock(&watch.0), Stage::Source));
    }
}
