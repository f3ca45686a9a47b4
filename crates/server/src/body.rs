//! Response bodies: empty, in memory, slices of a mapped file, or a stream.

use std::{
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use entrepot_mirror::{BlobStream, Cut, Mapping};
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::{
    answers::Answers, limits::StreamShaping, peer::Peer, permit::Permit, record::Record,
    wire::lending::LentFile,
};

/// Bytes of a mapped file that are passed to the connection at once.
const SLICE: u64 = 1 << 20;
/// Largest response, in bytes, that HTTP/2 may buffer after its request has ended.
const LAST: usize = 16 << 10;
/// Readahead beyond the current slice of a mapped file, in bytes.
const AHEAD: u64 = 4 << 20;

/// A response body. It holds the record and the permit of its request until it ends.
pub(crate) struct Body {
    content: Content,
    record: Option<Record>,
    permit: Option<Permit>,
    // Where bytes are counted.
    shaped: Option<Box<StreamShaping>>,
    // Only for HTTP/2.
    offer: Option<Offer>,
}

enum Content {
    Empty,
    /// Made for this response.
    Made(Bytes),
    /// Also kept for others.
    Shared(Bytes),
    Mapped(Mapped),
    Stream(Frames),
}

struct Mapped {
    mapping: Mapping,
    left: Range<u64>,
    advised: u64,
    _lent: Option<LentFile>,
}

struct Frames {
    frames: BoxStream<'static, Result<Bytes, Cut>>,
    // `None` if the length is unknown.
    left: Option<u64>,
    _lent: Option<LentFile>,
}

impl Body {
    pub(crate) fn empty() -> Self {
        Self::of(Content::Empty)
    }

    /// The body of a `HEAD` whose `GET` has a length that is not known.
    pub(crate) fn unknown() -> Self {
        Self::of(Content::Stream(Frames { frames: stream::empty().boxed(), left: None, _lent: None }))
    }

    /// A body of bytes made for this response.
    pub(crate) fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::of(Content::Made(bytes.into()))
    }

    /// A body of bytes that others share.
    pub(crate) fn shared(bytes: Bytes) -> Self {
        Self::of(Content::Shared(bytes))
    }

    /// A `range` of a mapped file. With `lent`, the connection knows the file and lets the kernel send it. Without, we
    /// read the bytes ourselves, for example to encrypt them, and check each slice first: a failing disk must not end
    /// the process.
    pub(crate) fn mapped(mapping: Mapping, range: Range<u64>, lent: Option<LentFile>) -> Self {
        let left = range.start..range.end.min(mapping.len());
        if lent.is_none() {
            let length = left.end.saturating_sub(left.start);
            let frames = checked(mapping, left).boxed();
            return Self::of(Content::Stream(Frames { frames, left: Some(length), _lent: None }));
        }
        Self::of(Content::Mapped(Mapped { mapping, advised: left.start, left, _lent: lent }))
    }

    /// A stream of frames; `length` is the number of bytes they must add up to.
    pub(crate) fn stream(stream: BlobStream, length: Option<u64>, lent: Option<LentFile>) -> Self {
        Self::of(Content::Stream(Frames { frames: stream.frames, left: length, _lent: lent }))
    }

    fn of(content: Content) -> Self {
        Self { content, record: None, permit: None, shaped: None, offer: None }
    }

    /// Takes memory for the body until the client has read it; false if there is none.
    pub(crate) fn take_room(&mut self, answers: &Answers, peer: &Arc<Peer>) -> bool {
        let (bytes, room) = match &mut self.content {
            Content::Made(bytes) => {
                let made = std::mem::take(bytes);
                (bytes, answers.made(peer, made))
            }
            Content::Shared(bytes) => {
                let shared = std::mem::take(bytes);
                (bytes, answers.shared(peer, shared))
            }
            Content::Empty | Content::Mapped(_) | Content::Stream(_) => return true,
        };
        let is_admitted = room.is_some();
        *bytes = room.unwrap_or_default();
        is_admitted
    }

    /// Has the bytes charged to what `shaped` says, and go as fast as that allows.
    pub(crate) fn shaped(mut self, shaped: Option<StreamShaping>) -> Self {
        self.shaped = shaped.map(Box::new);
        self
    }

    /// Holds `permit` until the body ends.
    pub(crate) fn hold(&mut self, permit: Permit) {
        self.permit = Some(permit);
    }

    /// Ends `record` when the body ends. `peer` (HTTP/2 only) is told when data waits for the client: the line does not
    /// show that.
    pub(crate) fn end(&mut self, record: Record, peer: Option<Arc<Peer>>) {
        self.record = Some(record);
        self.offer = peer.filter(|_| !self.is_end_stream()).map(Offer::new);
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        let Some(shaped) = &mut self.shaped else { return self.content.next(SLICE, cx) };
        let most = ready!(shaped.poll_ready(cx));
        let bytes = match shaped.next_of_rest() {
            Some(bytes) => bytes,
            None => match ready!(self.content.next(most, cx)) {
                Some(Ok(bytes)) => shaped.cut(bytes),
                end => return Poll::Ready(end),
            },
        };
        shaped.sent(bytes.len() as u64);
        Poll::Ready(Some(Ok(bytes)))
    }

    // Bytes that were cut off and go later.
    fn rest(&self) -> usize {
        self.shaped.as_ref().map_or(0, |shaped| shaped.rest())
    }

    /// Moves the rest of the request into the last bytes of a large response: the request ends when they are written.
    fn last(&mut self, bytes: Bytes) -> Bytes {
        let over = match &self.content {
            Content::Empty => false,
            Content::Made(_) | Content::Shared(_) => bytes.len() > LAST,
            Content::Mapped(mapped) => mapped.left.is_empty(),
            Content::Stream(frames) => frames.left == Some(0),
        };
        let over = over && self.rest() == 0;
        match self.offer.take_if(|_| over) {
            Some(offer) => {
                let (record, permit) = (self.record.take(), self.permit.take());
                Bytes::from_owner(Last { bytes, _offer: offer, _record: record, _permit: permit })
            }
            None => bytes,
        }
    }
}

impl Content {
    /// The next bytes: `most`, where they can be had in any number.
    fn next(&mut self, most: u64, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        match self {
            Self::Empty => Poll::Ready(None),
            Self::Made(bytes) | Self::Shared(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            Self::Mapped(mapped) => Poll::Ready(mapped.next(most).map(Ok)),
            Self::Stream(frames) => frames.poll_next(cx),
        }
    }
}

/// Data that is ready for a client; `stands` is false while the client waits for us.
struct Offer {
    peer: Arc<Peer>,
    stands: bool,
}

impl Offer {
    fn new(peer: Arc<Peer>) -> Self {
        peer.offers(true);
        Self { peer, stands: true }
    }

    fn set(&mut self, stands: bool) {
        if self.stands != stands {
            self.peer.offers(stands);
            self.stands = stands;
        }
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.set(false);
    }
}

/// The last bytes of a response. HTTP/2 keeps them until the client's flow-control window has room.
struct Last {
    bytes: Bytes,
    _offer: Offer,
    _record: Option<Record>,
    _permit: Option<Permit>,
}

impl AsRef<[u8]> for Last {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Slices of a file, each checked to be readable. They use no memory of ours, however many wait for slow clients.
pub(crate) fn checked(mapping: Mapping, range: Range<u64>) -> impl Stream<Item = Result<Bytes, Cut>> + Send {
    stream::unfold(Some((mapping, range)), |left| async {
        let (mapping, Range { start, end }) = left.filter(|(_, left)| !left.is_empty())?;
        let until = (start + SLICE).min(end);
        let checking = tokio::task::spawn_blocking(move || (mapping.ready(start..until), mapping)).await;
        Some(match checking {
            Ok((Ok(()), mapping)) => {
                // A mapping is never longer than the address space.
                let bytes = mapping.bytes().slice(start as usize..until as usize);
                (Ok(bytes), Some((mapping, until..end)))
            }
            Ok((Err(error), _)) => {
                tracing::warn!(%error, "a stored blob broke off");
                (Err(Cut), None)
            }
            Err(_) => (Err(Cut), None),
        })
    })
}

impl Mapped {
    fn next(&mut self, most: u64) -> Option<Bytes> {
        let Range { start, end } = self.left;
        if start >= end {
            return None;
        }
        // The kernel reads a file of one slice at once anyway.
        if end - start > SLICE && start + AHEAD > self.advised {
            let until = (start + 2 * AHEAD).min(end);
            self.mapping.will_need(self.advised..until);
            self.advised = until;
        }
        let until = (start + most).min(end);
        self.left.start = until;
        // A mapping is never longer than the address space.
        Some(self.mapping.bytes().slice(start as usize..until as usize))
    }
}

impl Frames {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        let frame = ready!(Pin::new(&mut self.frames).poll_next(cx));
        let Some(left) = &mut self.left else { return Poll::Ready(frame) };
        Poll::Ready(match frame {
            Some(Ok(bytes)) if bytes.len() as u64 > *left => Some(Err(Cut)),
            Some(Ok(bytes)) => {
                *left -= bytes.len() as u64;
                Some(Ok(bytes))
            }
            None if *left > 0 => Some(Err(Cut)),
            other => other,
        })
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        let next = this.next(cx);
        if let Some(offer) = &mut this.offer {
            offer.set(next.is_ready());
        }
        let next = ready!(next);
        if let (Some(Ok(bytes)), Some(record)) = (&next, &mut this.record) {
            record.bytes += bytes.len() as u64;
        }
        Poll::Ready(next.map(|bytes| bytes.map(|bytes| Frame::data(this.last(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            _ if self.rest() > 0 => false,
            Content::Empty => true,
            Content::Made(bytes) | Content::Shared(bytes) => bytes.is_empty(),
            Content::Mapped(mapped) => mapped.left.is_empty(),
            // A stream signals its own end: its last item may be an error about the content.
            Content::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        let left = match &self.content {
            Content::Empty => Some(0),
            Content::Made(bytes) | Content::Shared(bytes) => Some(bytes.len() as u64),
            Content::Mapped(mapped) => Some(mapped.left.end.saturating_sub(mapped.left.start)),
            Content::Stream(frames) => frames.left,
        };
        left.map_or_else(SizeHint::default, |left| SizeHint::with_exact(left + self.rest() as u64))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn collect(body: Body) -> Result<Bytes, Cut> {
        Ok(body.collect().await?.to_bytes())
    }

    fn stream_of(frames: Vec<Result<&'static [u8], Cut>>, length: Option<u64>) -> Body {
        let frames = frames.into_iter().map(|frame| frame.map(Bytes::from_static));
        Body::stream(BlobStream { mapping: None, frames: stream::iter(frames).boxed() }, length, None)
    }

    #[tokio::test]
    async fn what_goes_in_comes_out() {
        assert_eq!(collect(Body::empty()).await.unwrap(), "");
        assert_eq!(collect(Body::bytes("abc")).await.unwrap(), "abc");
        assert_eq!(Body::bytes("abc").size_hint().exact(), Some(3));
        let body = stream_of(vec![Ok(b"ab"), Ok(b"c")], Some(3));
        assert_eq!(body.size_hint().exact(), Some(3));
        assert_eq!(collect(body).await.unwrap(), "abc");
        assert_eq!(collect(stream_of(vec![Ok(b"ab")], None)).await.unwrap(), "ab");
    }

    #[tokio::test]
    async fn a_stream_of_another_length_is_an_error() {
        assert_eq!(collect(stream_of(vec![Ok(b"ab")], Some(3))).await, Err(Cut));
        assert_eq!(collect(stream_of(vec![Ok(b"abcd")], Some(3))).await, Err(Cut));
        assert_eq!(collect(stream_of(vec![Ok(b"abc"), Err(Cut)], Some(3))).await, Err(Cut));
    }
}
