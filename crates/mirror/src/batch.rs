//! Reads a byte stream in batches, so that each write to disk is worth a trip to a blocking thread.

use std::{mem, pin::pin};

use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, stream::Fuse};

/// The size of a full batch in bytes. A stream that pauses gives smaller ones.
pub(crate) const BATCH: usize = 256 << 10;

/// The next part of a stream.
pub(crate) enum Batch<E> {
    /// Some bytes; there may be more.
    Bytes(Vec<Bytes>),
    /// The stream has ended.
    End,
    /// The stream failed; nothing follows.
    Broken(E),
}

/// A byte stream that is read in batches.
pub(crate) struct Batches<S, E> {
    stream: Fuse<S>,
    pieces: Vec<Bytes>,
    length: usize,
    over: Option<Batch<E>>,
}

impl<S, E> Batches<S, E>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    pub(crate) fn new(stream: S) -> Self {
        Self { stream: stream.fuse(), pieces: Vec::new(), length: 0, over: None }
    }

    /// Collects up to [`BATCH`] bytes while `busy` runs, and returns its output. So a slow disk gets larger batches.
    pub(crate) async fn gather<F: Future>(&mut self, busy: F) -> F::Output {
        let mut busy = pin!(busy);
        loop {
            tokio::select! {
                biased;
                item = self.stream.next(), if self.has_room() => self.take(item),
                output = &mut busy => return output,
            }
        }
    }

    /// The next batch: waits for the first bytes, then adds what is there already, up to [`BATCH`].
    pub(crate) async fn next(&mut self) -> Batch<E> {
        if self.pieces.is_empty() && self.over.is_none() {
            let item = self.stream.next().await;
            self.take(item);
        }
        while self.has_room()
            && let Some(item) = self.stream.next().now_or_never()
        {
            self.take(item);
        }
        if self.pieces.is_empty() {
            return self.over.take().unwrap_or(Batch::End);
        }
        // Bytes that came before the end or an error are returned before it.
        self.length = 0;
        Batch::Bytes(mem::take(&mut self.pieces))
    }

    fn has_room(&self) -> bool {
        self.length < BATCH && self.over.is_none()
    }

    fn take(&mut self, item: Option<Result<Bytes, E>>) {
        match item {
            Some(Ok(bytes)) => {
                self.length += bytes.len();
                self.pieces.push(bytes);
            }
            Some(Err(error)) => self.over = Some(Batch::Broken(error)),
            None => self.over = Some(Batch::End),
        }
    }
}

/// The length of all pieces together, in bytes.
pub(crate) fn length(pieces: &[Bytes]) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use std::iter;

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

    #[tokio::test]
    async fn takes_what_comes_meanwhile_but_no_more_than_a_batch() {
        let half = Bytes::from(vec![0; BATCH / 2]);
        let items = iter::repeat_with(|| Ok::<_, ()>(half.clone())).take(5);
        // Each piece comes a turn later than the one before.
        let mut batches = Batches::new(Box::pin(stream::iter(items).then(|item| async {
            tokio::task::yield_now().await;
            item
        })));
        let busy = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            "written"
        };
        assert_eq!(batches.gather(busy).await, "written");
        let mut lengths = Vec::new();
        while let Batch::Bytes(pieces) = batches.next().await {
            lengths.push(pieces.len());
        }
        assert_eq!((lengths[0], lengths.iter().sum::<usize>()), (2, 5));
    }
}
