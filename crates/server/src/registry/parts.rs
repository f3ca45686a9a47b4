//! Several ranges of a blob in one response: `multipart/byteranges` (RFC 9110 §14.6). Lazy snapshotters ask so.

use std::{future::ready, ops::Range};

use bytes::Bytes;
use entrepot_mirror::{BlobStream, Cut, Error, Opened, ServedBlob};
use entrepot_oci::Digest;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use http::HeaderValue;

use crate::{body, headers};

/// Longest boundary that RFC 2046 §5.1.1 allows is 70 characters.
const BOUNDARY: usize = 64;

/// The ranges of one response. There are two at least.
pub(super) struct Parts {
    ranges: Vec<Range<u64>>,
    size: u64,
    boundary: String,
}

impl Parts {
    /// `ranges` of the blob with this digest and `size` bytes.
    pub(super) fn new(ranges: Vec<Range<u64>>, digest: &Digest, size: u64) -> Self {
        // No content has its own digest within it.
        let mut boundary = digest.hex();
        boundary.truncate(BOUNDARY);
        Self { ranges, size, boundary }
    }

    /// The `Content-Type` of the response.
    pub(super) fn content_type(&self) -> HeaderValue {
        headers::value(format!("multipart/byteranges; boundary={}", self.boundary))
    }

    /// Bytes of the whole body.
    pub(super) fn length(&self) -> u64 {
        let of_part = |range: &Range<u64>| {
            head(&self.boundary, range, self.size).len() as u64 + (range.end - range.start)
        };
        self.ranges.iter().map(of_part).sum::<u64>() + self.tail().len() as u64
    }

    /// Starts the body. Each part is opened when the one before it has been sent.
    ///
    /// # Errors
    /// The first part cannot be opened. Where another cannot, the body breaks off.
    pub(super) async fn open(self, blob: ServedBlob) -> Result<BlobStream, Error> {
        let first = content(&blob, self.ranges[0].clone()).await?;
        let (tail, mut first) = (self.tail(), Some(first));
        let Self { ranges, size, boundary } = self;
        let parts = stream::iter(ranges).then(move |range| {
            let (first, blob, head) = (first.take(), blob.clone(), head(&boundary, &range, size));
            async move {
                let content = match first {
                    Some(first) => first,
                    None => content(&blob, range).await.unwrap_or_else(broken),
                };
                stream::once(ready(Ok(head))).chain(content)
            }
        });
        let frames = parts.flatten().chain(stream::once(ready(Ok(tail))));
        Ok(BlobStream { mapping: None, frames: frames.boxed() })
    }

    fn tail(&self) -> Bytes {
        format!("\r\n--{}--\r\n", self.boundary).into()
    }
}

fn head(boundary: &str, range: &Range<u64>, size: u64) -> Bytes {
    let (start, last) = (range.start, range.end - 1);
    let head = format!(
        "\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n\
         Content-Range: bytes {start}-{last}/{size}\r\n\r\n"
    );
    head.into()
}

async fn content(
    blob: &ServedBlob,
    range: Range<u64>,
) -> Result<BoxStream<'static, Result<Bytes, Cut>>, Error> {
    Ok(match blob.clone().open(Some(range)).await? {
        Opened::Bytes(bytes) => stream::once(ready(Ok(bytes))).boxed(),
        Opened::Mapped(mapping, range) => body::checked(mapping, range).boxed(),
        Opened::Stream(stream) => stream.frames,
        // The caller has the bytes of objects go through here.
        Opened::Redirect(_) => stream::once(ready(Err(Cut))).boxed(),
    })
}

fn broken(error: Error) -> BoxStream<'static, Result<Bytes, Cut>> {
    tracing::warn!(%error, "a range of a blob cannot be sent");
    stream::once(ready(Err(Cut))).boxed()
}
