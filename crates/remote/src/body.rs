//! Reads response bodies within bounds of length and time.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream, stream::BoxStream};

use crate::{
    error::{self, Error, InvalidResponse},
    links::{status::LinkFailure, traffic::Traffic},
    memory_budget,
    patience::Patience,
};

/// The bytes of a body as they arrive. The stream ends after its first error.
pub(crate) type Chunks = BoxStream<'static, Result<Bytes, Error>>;

/// Reads a whole body of at most `limit` bytes that is never silent for longer than `idle`. A body of more than
/// [`memory_budget::UNBUDGETED`] bytes waits until there is memory for it.
pub(crate) async fn capped(
    mut response: reqwest::Response,
    limit: usize,
    idle: Duration,
) -> Result<Bytes, Error> {
    let too_large = || InvalidResponse::TooLarge { limit: limit as u64 };
    let expected = response.content_length().unwrap_or_default();
    if expected > limit as u64 {
        return Err(too_large().into());
    }
    let (mut body, mut room) = (BytesMut::new(), None);
    loop {
        let next = tokio::time::timeout(idle, response.chunk()).await.map_err(|_| Error::TimedOut)?;
        let Some(chunk) = next.map_err(error::within_body)? else { return Ok(body.freeze()) };
        if body.len() + chunk.len() > limit {
            return Err(too_large().into());
        }
        if body.len() + chunk.len() > memory_budget::UNBUDGETED && room.is_none() {
            // All of it at once: two bodies that each hold half of what they need would wait for each other.
            room = memory_budget::DOCUMENTS.take(limit).await;
            // The memory is reserved now, so that the body is not moved as it grows.
            body.reserve(usize::try_from(expected).map_or(0, |expected| expected.saturating_sub(body.len())));
        }
        body.extend_from_slice(&chunk);
    }
}

/// Ends a body with [`Error::TimedOut`] if it brings less than [`crate::FLOOR`] within `patience`. The clock runs
/// only while the reader waits, so a slow reader does not end it; the timeout of the HTTP client would.
pub(crate) fn patient(
    chunks: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
    patience: Duration,
) -> Chunks {
    stream::unfold(Some((chunks.boxed(), StallTimer::new(patience))), |state| async {
        let (mut chunks, mut timer) = state?;
        let asked = Instant::now();
        match tokio::time::timeout(timer.left, chunks.next()).await {
            Ok(Some(Ok(chunk))) => {
                timer.received(chunk.len() as u64, asked.elapsed());
                Some((Ok(chunk), Some((chunks, timer))))
            }
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(None) => None,
            Err(_) => Some((Err(Error::TimedOut), None)),
        }
    })
    .boxed()
}

/// Counts and paces a body by the link that it comes over, and notices silence. The clock of [`patient`] does not run while a
/// link's rate is waited for, and reading on begins to wait anew.
pub(crate) fn over_link(chunks: Chunks, traffic: Traffic) -> Chunks {
    stream::unfold(Some((chunks, traffic)), |state| async {
        let (mut chunks, mut traffic) = state?;
        traffic.awaits();
        match chunks.next().await {
            Some(Ok(chunk)) => {
                let wait = traffic.received(chunk.len() as u64);
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
                Some((Ok(chunk), Some((chunks, traffic))))
            }
            Some(Err(error)) => {
                let is_silence = matches!(error, Error::TimedOut);
                traffic.broke(if is_silence { LinkFailure::Silent } else { LinkFailure::Broken });
                Some((Err(error), None))
            }
            None => {
                traffic.finished();
                None
            }
        }
    })
    .boxed()
}

/// How long the reader may still wait before enough bytes must have arrived.
struct StallTimer {
    patience: Duration,
    left: Duration,
    received: u64,
}

impl StallTimer {
    fn new(patience: Duration) -> Self {
        Self { patience, left: patience, received: 0 }
    }

    fn received(&mut self, bytes: u64, waited: Duration) {
        self.left = self.left.saturating_sub(waited);
        self.received += bytes;
        if self.received >= Patience::enough(self.patience) {
            *self = Self::new(self.patience);
        }
    }
}

/// The number of bytes missing from a body that ended before its `Content-Length`.
#[derive(Debug, thiserror::Error)]
#[error("the body ended {missing} bytes early")]
struct Short {
    missing: u64,
}

/// Requires a body to have exactly `length` bytes.
pub(crate) fn exactly(length: u64, chunks: Chunks) -> Chunks {
    stream::unfold((chunks, Some(length)), |(mut chunks, left)| async move {
        let left = left?;
        let (item, left) = match chunks.next().await {
            Some(Ok(chunk)) => match left.checked_sub(chunk.len() as u64) {
                Some(left) => (Ok(chunk), Some(left)),
                None => (Err(InvalidResponse::Range.into()), None),
            },
            Some(Err(error)) => (Err(error), None),
            None if left == 0 => return None,
            None => (Err(Error::Cut { source: Arc::new(Short { missing: left }) }), None),
        };
        Some((item, (chunks, left)))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lengths_are_held() {
        let run = async |length, chunks: &[&'static str]| {
            let chunks: Vec<_> =
                chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
            exactly(length, stream::iter(chunks).boxed()).collect::<Vec<_>>().await
        };
        assert!(run(4, &["ab", "cd"]).await.iter().all(Result::is_ok));
        assert!(run(0, &[]).await.is_empty());
        assert!(matches!(run(4, &["ab"]).await.last(), Some(Err(Error::Cut { .. }))));
        assert!(matches!(
            run(3, &["ab", "cd"]).await.last(),
            Some(Err(Error::Invalid(InvalidResponse::Range)))
        ));
    }

    #[tokio::test]
    async fn silence_and_errors_end_a_body() {
        let soon = Duration::from_millis(50);
        let stalled = stream::iter([Ok(Bytes::from_static(b"a"))]).chain(stream::pending());
        let got: Vec<_> = patient(stalled, soon).collect().await;
        assert!(matches!(got.as_slice(), [Ok(_), Err(Error::TimedOut)]));
        let broken = stream::repeat_with(|| Err(InvalidResponse::Encoded.into()));
        assert_eq!(patient(broken, soon).collect::<Vec<_>>().await.len(), 1);
    }

    #[test]
    fn a_trickle_uses_patience_up_and_a_stream_does_not() {
        let second = Duration::from_secs(1);
        let (mut trickling, mut flowing) = (StallTimer::new(30 * second), StallTimer::new(30 * second));
        for _ in 0..29 {
            trickling.received(1, second);
            flowing.received(2 << 10, second);
        }
        assert_eq!(trickling.left, second);
        assert!(flowing.left >= 15 * second);
        // All at once is as good as bit by bit, and begins anew.
        trickling.received(30 << 10, second);
        assert_eq!((trickling.left, trickling.received), (30 * second, 0));
    }

    #[tokio::test]
    async fn a_trickle_ends_like_silence() {
        let piece = |()| async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Some((Ok(Bytes::from_static(b"a")), ()))
        };
        let trickle = stream::unfold((), piece);
        let got: Vec<_> = patient(trickle, Duration::from_millis(300)).collect().await;
        let (last, before) = got.split_last().unwrap();
        assert!(matches!(last, Err(Error::TimedOut)) && before.len() <= 30, "{} pieces", before.len());
    }

    #[tokio::test]
    async fn a_reader_may_take_its_time() {
        let patience = Duration::from_millis(20);
        let mut chunks = patient(stream::iter(["a", "b"]).map(|text| Ok(Bytes::from(text))), patience);
        assert!(chunks.next().await.unwrap().is_ok());
        tokio::time::sleep(3 * patience).await;
        assert!(chunks.next().await.unwrap().is_ok());
        assert!(chunks.next().await.is_none());
    }
}
