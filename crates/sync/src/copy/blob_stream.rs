//! The bytes of a blob for one target: from the shared read while the target keeps up, then from its own read.

use std::{io, mem, sync::Arc};

use bytes::Bytes;
use entrepot_remote::UploadBody;
use futures_util::stream;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};

use super::{
    reading::{BlobOrigin, BlobReader, Mark, Piece},
    weight::{Item, weight},
};
use crate::endpoints::EndpointError;

/// The bytes of a blob for one target.
#[derive(Clone)]
pub(super) struct BlobStream(Arc<Mutex<StreamState>>);

struct StreamState {
    origin: BlobOrigin,
    room: Arc<Semaphore>,
    /// After the last piece taken, in whole or in part; the rest of it is in `rest`.
    after: Mark,
    /// After the piece before that.
    before: Mark,
    rest: Bytes,
    /// Bytes before this offset are skipped.
    from: u64,
    way: StreamSource,
    failure: Option<EndpointError>,
}

enum StreamSource {
    Shared(mpsc::Receiver<Item>),
    /// Not started: waits for memory first.
    Waiting,
    Own {
        reading: Box<BlobReader>,
        _room: Option<OwnedSemaphorePermit>,
    },
}

impl BlobStream {
    /// A stream fed by a shared read.
    pub(super) fn shared(origin: BlobOrigin, room: Arc<Semaphore>, queue: mpsc::Receiver<Item>) -> Self {
        let start = Mark::start(origin.blob);
        Self::new(origin, room, start, StreamSource::Shared(queue))
    }

    /// A stream with its own read.
    pub(super) fn own(origin: BlobOrigin, room: Arc<Semaphore>) -> Self {
        let start = Mark::start(origin.blob);
        Self::new(origin, room, start, StreamSource::Waiting)
    }

    fn new(origin: BlobOrigin, room: Arc<Semaphore>, mark: Mark, way: StreamSource) -> Self {
        let (after, before, from) = (mark.clone(), mark.clone(), mark.at);
        Self(Arc::new(Mutex::new(StreamState {
            origin,
            room,
            after,
            before,
            rest: Bytes::new(),
            from,
            way,
            failure: None,
        })))
    }

    /// The same blob from an offset. Its own read starts at `mark`, or at the beginning if `mark` is after the offset.
    pub(super) async fn again(&self, mark: Option<Mark>, from: u64) -> Self {
        let state = self.0.lock().await;
        let (origin, room) = (state.origin.clone(), Arc::clone(&state.room));
        drop(state);
        let mark = mark.filter(|mark| mark.at <= from).unwrap_or_else(|| Mark::start(origin.blob));
        let blob_stream = Self::new(origin, room, mark, StreamSource::Waiting);
        blob_stream.0.lock().await.from = from;
        blob_stream
    }

    /// A position from which the bytes not taken yet can be read again.
    pub(super) async fn mark(&self) -> Mark {
        let state = self.0.lock().await;
        if state.rest.is_empty() { state.after.clone() } else { state.before.clone() }
    }

    /// The error of the source, if it failed.
    pub(super) async fn failure(&self) -> Option<EndpointError> {
        self.0.lock().await.failure.clone()
    }

    /// Waits until there is something to send. Start the request only then: otherwise tasks that hold memory and tasks
    /// that hold a request slot would wait for each other.
    pub(super) async fn ready(&self) -> Result<(), EndpointError> {
        self.0.lock().await.fill().await
    }

    /// The next bytes, at most `limit`; `None` at the end.
    pub(super) async fn next(&self, limit: u64) -> Result<Option<Bytes>, EndpointError> {
        let mut state = self.0.lock().await;
        state.fill().await?;
        let length = state.rest.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok((length > 0).then(|| state.rest.split_to(length)))
    }

    /// The next `length` bytes as the body of an upload.
    pub(super) fn load(&self, length: u64) -> UploadBody {
        let blob_stream = self.clone();
        let pieces = stream::unfold((blob_stream, length), |(blob_stream, left)| async move {
            if left == 0 {
                return None;
            }
            match blob_stream.next(left).await {
                Ok(Some(bytes)) => {
                    let left = left - bytes.len() as u64;
                    Some((Ok(bytes), (blob_stream, left)))
                }
                Ok(None) => None,
                // The caller gets the actual error from the blob stream.
                Err(_) => Some((Err(io::Error::other("the source failed")), (blob_stream, 0))),
            }
        });
        UploadBody::stream(length, pieces)
    }
}

impl StreamState {
    // Fills `rest`, unless the blob has ended.
    async fn fill(&mut self) -> Result<(), EndpointError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        while self.rest.is_empty() && self.after.at < self.origin.blob.size {
            match self.piece().await {
                Ok(Some(mut piece)) => {
                    piece.cut(self.from);
                    self.before = mem::replace(&mut self.after, piece.after);
                    self.rest = piece.bytes;
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.failure = Some(error.clone());
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    async fn piece(&mut self) -> Result<Option<Piece>, EndpointError> {
        loop {
            match &mut self.way {
                StreamSource::Shared(queue) => match queue.recv().await {
                    Some(item) => return item.map(Some),
                    // A stream that fell behind holds a request slot already, so it must not wait for memory as well.
                    None => self.way = StreamSource::Own { reading: self.reading(), _room: None },
                },
                StreamSource::Waiting => {
                    let weight = weight(self.origin.blob.size, 0);
                    let permit = Arc::clone(&self.room).acquire_many_owned(weight).await.ok();
                    self.way = StreamSource::Own { reading: self.reading(), _room: permit };
                }
                StreamSource::Own { reading, .. } => return reading.next().await,
            }
        }
    }

    fn reading(&self) -> Box<BlobReader> {
        Box::new(BlobReader::new(self.origin.clone(), self.after.clone()))
    }
}
