//! Blobs: their size, or their bytes from any offset.
//!
//! The bytes are not verified here; whoever keeps them checks the digest.

use std::{fmt, ops::Range};

use bytes::Bytes;
use entrepot_oci::{Digest, Repository};
use futures_util::{FutureExt as _, StreamExt as _, stream::BoxStream};
use http::{HeaderValue, StatusCode, header};

use crate::{
    body::{self, Chunks},
    endpoint::Endpoint,
    error::{Error, InvalidResponse},
    links::choose::RequestPurpose,
    remote::Remote,
    request::Request,
    response::Response,
};

/// What a registry says about a blob without sending it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobHead {
    /// The size in bytes, if the registry gives it.
    pub size: Option<u64>,
}

/// The part of a blob to request, and the endpoint to avoid.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlobRequest {
    /// The offset of the first byte.
    pub from: u64,
    /// The offset after the last byte, greater than `from`; `None` for the end of the blob.
    pub to: Option<u64>,
    /// An endpoint to use only if no other has the blob.
    pub avoid: Option<Endpoint>,
}

/// The bytes of a blob as they arrive.
pub struct BlobStream {
    /// The endpoint that sends it.
    pub endpoint: Endpoint,
    /// The size of the whole blob in bytes, if it is known.
    pub total: Option<u64>,
    /// The offset of the first byte: the requested one, or 0 if the registry sends the whole blob instead.
    pub start: u64,
    /// Whether the registry supports range requests.
    pub ranges: bool,
    /// The bytes. The stream ends after an error: [`Error::Cut`] or [`Error::TimedOut`] if more was expected.
    pub chunks: BoxStream<'static, Result<Bytes, Error>>,
}

impl fmt::Debug for BlobStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, total, start, ranges, chunks: _ } = self;
        f.debug_struct("BlobStream")
            .field("endpoint", endpoint)
            .field("total", total)
            .field("start", start)
            .field("ranges", ranges)
            .finish_non_exhaustive()
    }
}

impl Remote {
    /// Asks whether there is a blob, with `HEAD`. Where `HEAD` is refused, as by some storage services, the first byte is
    /// requested. For those who would write it if it is missing: some registries answer 404 to a `HEAD` of what they
    /// have.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn head_blob(&self, repository: &Repository, digest: &Digest) -> Result<BlobHead, Error> {
        self.try_endpoints(None, |endpoint| self.head_or_first_byte(endpoint, repository, digest).boxed())
            .await
    }

    /// Like [`Remote::head_blob`], for those who want to read it: where the answer to the `HEAD` is 404 or cannot be used,
    /// a request for the first byte decides.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn find_blob(&self, repository: &Repository, digest: &Digest) -> Result<BlobHead, Error> {
        let find = |endpoint| async move {
            match self.head_or_first_byte(endpoint, repository, digest).await {
                Err(Error::NotFound | Error::Invalid(_)) => {}
                answered => return answered,
            }
            self.first_byte(endpoint, repository, digest).await
        };
        self.try_endpoints(None, |endpoint| find(endpoint).boxed()).await
    }

    /// Requests the first byte of a blob, for a size that `HEAD` did not give.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn probe_blob(&self, repository: &Repository, digest: &Digest) -> Result<BlobHead, Error> {
        self.try_endpoints(None, |endpoint| self.first_byte(endpoint, repository, digest).boxed()).await
    }

    /// Opens a blob. The response is the whole blob or the requested range; anything else is [`Error::Invalid`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        request: BlobRequest,
    ) -> Result<BlobStream, Error> {
        let at = |endpoint| self.blob_at(endpoint, repository, digest, request).boxed();
        let purpose = if request.to.is_some() { RequestPurpose::Part } else { RequestPurpose::Answer };
        self.try_for(request.avoid, purpose, at).await
    }

    async fn head_or_first_byte(
        &self,
        endpoint: Endpoint,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<BlobHead, Error> {
        let request = Request::head(repository, format!("blobs/{digest}"));
        match self.exchange(endpoint, &request).await {
            Ok(response) => match response.digest_is(digest) {
                Ok(()) => Ok(BlobHead { size: size(&response, digest) }),
                Err(lie) => Err(response.fail(lie)),
            },
            Err(error) if error.leaves_open() => self.first_byte(endpoint, repository, digest).await,
            Err(error) => Err(error),
        }
    }

    async fn first_byte(
        &self,
        endpoint: Endpoint,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<BlobHead, Error> {
        let first = BlobRequest { to: Some(1), ..BlobRequest::default() };
        match self.blob_at(endpoint, repository, digest, first).await {
            Ok(part) => Ok(BlobHead { size: part.total }),
            // An empty blob has no first byte.
            Err(Error::Invalid(InvalidResponse::Range)) if digest.matches(b"") => {
                Ok(BlobHead { size: Some(0) })
            }
            Err(error) => Err(error),
        }
    }

    async fn blob_at(
        &self,
        endpoint: Endpoint,
        repository: &Repository,
        digest: &Digest,
        wanted: BlobRequest,
    ) -> Result<BlobStream, Error> {
        let mut request = Request::get(repository, format!("blobs/{digest}"));
        if let Some(range) = range_header(wanted) {
            request = request.with(header::RANGE, range);
        }
        let response = self.exchange(endpoint, &request).await?;
        let part = response.digest_is(digest).and_then(|()| BlobPart::of(&response, wanted));
        match part {
            Ok(part) => Ok(part.stream(endpoint, self.stream_body(endpoint, response))),
            Err(invalid) => Err(response.fail(invalid)),
        }
    }
}

impl Remote {
    // The body of a response. If it is too slow, other endpoints come first for a while.
    fn stream_body(&self, endpoint: Endpoint, response: Response) -> Chunks {
        let (remote, chunks) = (self.clone(), response.stream(self.patience().idle));
        let watched = chunks.inspect(move |chunk| {
            if matches!(chunk, Err(Error::TimedOut)) {
                remote.deprioritize(endpoint, "it is silent or too slow");
            }
        });
        watched.boxed()
    }
}

// The size in the headers of a `HEAD`. Some proxies write 0 for what they do not know.
fn size(response: &Response, digest: &Digest) -> Option<u64> {
    response.content_length().filter(|size| *size > 0 || digest.matches(b""))
}

fn range_header(request: BlobRequest) -> Option<HeaderValue> {
    let text = match (request.from, request.to) {
        (0, None) => return None,
        (from, Some(to)) if to > from => format!("bytes={from}-{}", to - 1),
        (from, _) => format!("bytes={from}-"),
    };
    HeaderValue::try_from(text).ok()
}

/// The part of the blob that a response has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BlobPart {
    Whole { total: Option<u64>, ranges: bool },
    Range { range: Range<u64>, total: Option<u64> },
}

impl BlobPart {
    fn of(response: &Response, request: BlobRequest) -> Result<Self, InvalidResponse> {
        if response.status() != StatusCode::PARTIAL_CONTENT {
            let accepted = response.header(&header::ACCEPT_RANGES).unwrap_or_default();
            let ranges = accepted.trim().eq_ignore_ascii_case("bytes");
            return Ok(Self::Whole { total: response.content_length(), ranges });
        }
        let header = response.header(&header::CONTENT_RANGE).ok_or(InvalidResponse::Range)?;
        Self::range(header, request).ok_or(InvalidResponse::Range)
    }

    // `bytes first-last/total` (RFC 9110 §14.4), if it is the requested range or the start of it.
    pub(crate) fn range(header: &str, request: BlobRequest) -> Option<Self> {
        let (range, total) = header.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, end) = (number(first)?, number(last)?.checked_add(1)?);
        let total = if total.trim() == "*" { None } else { Some(number(total)?) };
        let is_range = range_header(request).is_some();
        let fits = request.to.is_none_or(|to| end <= to) && total.is_none_or(|total| end <= total);
        let good = is_range && first == request.from && first < end && fits;
        good.then_some(Self::Range { range: first..end, total })
    }

    fn stream(self, endpoint: Endpoint, chunks: Chunks) -> BlobStream {
        match self {
            Self::Whole { total, ranges } => BlobStream { endpoint, total, start: 0, ranges, chunks },
            Self::Range { range, total } => {
                let chunks = body::exactly(range.end - range.start, chunks);
                BlobStream { endpoint, total, start: range.start, ranges: true, chunks }
            }
        }
    }
}

// `u64::from_str` takes a sign.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(from: u64, to: Option<u64>) -> BlobRequest {
        BlobRequest { from, to, avoid: None }
    }

    #[test]
    fn asks_for_ranges() {
        assert_eq!(range_header(request(0, None)), None);
        assert_eq!(range_header(request(5, None)).unwrap(), "bytes=5-");
        assert_eq!(range_header(request(0, Some(1))).unwrap(), "bytes=0-0");
        assert_eq!(range_header(request(5, Some(10))).unwrap(), "bytes=5-9");
    }

    #[test]
    fn takes_only_the_range_asked_for() {
        let range = |header, from, to| BlobPart::range(header, request(from, to));
        let part = |range, total| Some(BlobPart::Range { range, total });
        assert_eq!(range("bytes 5-9/10", 5, None), part(5..10, Some(10)));
        assert_eq!(range("bytes 5-6/*", 5, Some(10)), part(5..7, None));
        for (header, from, to) in [
            ("bytes 4-9/10", 5, None),
            ("bytes 5-9/9", 5, None),
            ("bytes 5-9/10", 5, Some(8)),
            ("bytes 9-5/10", 9, None),
            ("bytes 5-18446744073709551615/*", 5, None),
            ("bytes +5-9/10", 5, None),
            ("bytes */10", 5, None),
            ("5-9/10", 5, None),
            ("bytes 0-9/10", 0, None),
            ("", 5, None),
        ] {
            assert_eq!(range(header, from, to), None, "{header}");
        }
    }
}
