//! Reading bodies within bounds: of length, of silence, of what was said.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream, stream::BoxStream};

use crate::{
    client::Patience,
    error::{self, Error, InvalidAnswer},
    room,
};

/// A body on its way. It ends behind its first error.
pub(crate) type Chunks = BoxStream<'static, Result<Bytes, Error>>;

/// The whole body, if it has at most `limit` bytes and is never silent for longer than `idle`. Never more than that is
/// held; and what is more than [`room::FREE`] waits until there is room for it.
pub(crate) async fn capped(
    mut response: reqwest::Response,
    limit: usize,
    idle: Duration,
) -> Result<Bytes, Error> {
    let too_large = || InvalidAnswer::TooLarge { limit: limit as u64 };
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
        if body.len() + chunk.len() > room::FREE && room.is_none() {
            // All of it at once: two that have half of what they need would wait for each other.
            room = room::DOCUMENTS.take(limit).await;
            // There is room for it now, and it need not be moved again and again as it grows.
            body.reserve(usize::try_from(expected).map_or(0, |expected| expected.saturating_sub(body.len())));
        }
        body.extend_from_slice(&chunk);
    }
}

/// Gives up on a body that keeps us waiting for `patience` without bringing [`crate::FLOOR`]. The clock runs only while
/// someone waits: a reader may take its time between two pieces, which the client's own timeout would not let it.
pub(crate) fn patient(
    chunks: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
    patience: Duration,
) -> Chunks {
    stream::unfold(Some((chunks.boxed(), Pace::new(patience))), |state| async {
        let (mut chunks, mut pace) = state?;
        let asked = Instant::now();
        match tokio::time::timeout(pace.left, chunks.next()).await {
            Ok(Some(Ok(chunk))) => {
                pace.came(chunk.len() as u64, asked.elapsed());
                Some((Ok(chunk), Some((chunks, pace))))
            }
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(None) => None,
            Err(_) => Some((Err(Error::TimedOut), None)),
        }
    })
    .boxed()
}

/// How long a body may still keep us waiting before it has brought enough.
struct Pace {
    patience: Duration,
    left: Duration,
    came: u64,
}

impl Pace {
    fn new(patience: Duration) -> Self {
        Self { patience, left: patience, came: 0 }
    }

    fn came(&mut self, bytes: u64, waited: Duration) {
        self.left = self.left.saturating_sub(waited);
        self.came += bytes;
        if self.came >= Patience::enough(self.patience) {
            *self = Self::new(self.patience);
        }
    }
}

/// What is missing when a body ends before the length that its headers gave.
#[derive(Debug, thiserror::Error)]
#[error("the body ended {missing} bytes early")]
struct Short {
    missing: u64,
}

/// Holds a body to exactly `length` bytes.
pub(crate) fn exactly(length: u64, chunks: Chunks) -> Chunks {
    stream::unfold((chunks, Some(length)), |(mut chunks, left)| async move {
        let left = left?;
        let (item, left) = match chunks.next().await {
            Some(Ok(chunk)) => match left.checked_sub(chunk.len() as u64) {
                Some(left) => (Ok(chunk), Some(left)),
                None => (Err(InvalidAnswer::Range.into()), None),
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
            Some(Err(Error::Invalid(InvalidAnswer::Range)))
        ));
    }

    #[tokio::test]
    async fn silence_and_errors_end_a_body() {
        let soon = Duration::from_millis(50);
        let stalled = stream::iter([Ok(Bytes::from_static(b"a"))]).chain(stream::pending());
        let got: Vec<_> = patient(stalled, soon).collect().await;
        assert!(matches!(got.as_slice(), [Ok(_), Err(Error::TimedOut)]));
        let broken = stream::repeat_with(|| Err(InvalidAnswer::Encoded.into()));
        assert_eq!(patient(broken, soon).collect::<Vec<_>>().await.len(), 1);
    }

    #[test]
    fn a_trickle_uses_patience_up_and_a_stream_does_not() {
        let second = Duration::from_secs(1);
        let (mut trickling, mut flowing) = (Pace::new(30 * second), Pace::new(30 * second));
        for _ in 0..29 {
            trickling.came(1, second);
            flowing.came(2 << 10, second);
        }
        assert_eq!(trickling.left, second);
        assert!(flowing.left >= 15 * second);
        // All at once is as good as bit by bit, and begins anew.
        trickling.came(30 << 10, second);
        assert_eq!((trickling.left, trickling.came), (30 * second, 0));
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
