//! Taking a byte stream in batches, so that a disk write is worth its thread.

use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, stream::Fuse};

/// Bytes gathered before a write, unless the stream pauses first.
pub(crate) const BATCH: usize = 256 << 10;

/// What the next batch of a stream is.
pub(crate) enum Batch<E> {
    /// Some bytes; there may be more.
    Bytes(Vec<Bytes>),
    /// The stream is at its end.
    End,
    /// The stream broke.
    Broken(E),
}

/// A stream and what it said after the batch that was given out last.
pub(crate) struct Batches<S, E> {
    stream: Fuse<S>,
    broken: Option<E>,
}

impl<S, E> Batches<S, E>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    pub(crate) fn new(stream: S) -> Self {
        Self { stream: stream.fuse(), broken: None }
    }

    /// Waits for bytes, then takes what else is there already, up to [`BATCH`].
    pub(crate) async fn next(&mut self) -> Batch<E> {
        if let Some(error) = self.broken.take() {
            return Batch::Broken(error);
        }
        let mut pieces = match self.stream.next().await {
            None => return Batch::End,
            Some(Err(error)) => return Batch::Broken(error),
            Some(Ok(bytes)) => vec![bytes],
        };
        let mut length = pieces[0].len();
        while length < BATCH {
            match self.stream.next().now_or_never() {
                Some(Some(Ok(bytes))) => {
                    length += bytes.len();
                    pieces.push(bytes);
                }
                // What came before the break is good.
                Some(Some(Err(error))) => {
                    self.broken = Some(error);
                    break;
                }
                // The end shows again at the next call.
                Some(None) | None => break,
            }
        }
        Batch::Bytes(pieces)
    }
}

/// Length of all pieces together.
pub(crate) fn length(pieces: &[Bytes]) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn gathers_and_keeps_order() {
        let items = vec![Ok(Bytes::from_static(b"a")), Ok(Bytes::from_static(b"b")), Err("broken")];
        let mut batches = Batches::new(stream::iter(items));
        let Batch::Bytes(pieces) = batches.next().await else { panic!("bytes") };
        assert_eq!(length(&pieces), 2);
        assert!(matches!(batches.next().await, Batch::Broken("broken")));
        assert!(matches!(batches.next().await, Batch::End));
    }
}
