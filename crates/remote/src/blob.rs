//! Blobs: asked about, or streamed from any offset. Their digest is for whoever keeps the bytes to check.

use std::{fmt, ops::Range};

use bytes::Bytes;
use entrepot_oci::{Digest, Repository};
use futures_util::{FutureExt as _, StreamExt as _, stream::BoxStream};
use http::{HeaderValue, StatusCode, header};

use crate::{
    answer::Answer,
    ask::Ask,
    body::{self, Chunks},
    endpoints::Endpoint,
    error::{Error, InvalidAnswer},
    remote::Remote,
};

/// What a registry says of a blob without sending it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobHead {
    /// Its size in bytes, where the registry gives it.
    pub size: Option<u64>,
}

/// Which part of a blob is wanted, and from whom rather not.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlobAsk {
    /// The offset of the first byte.
    pub from: u64,
    /// The offset behind the last byte, greater than `from`; without it, to the end.
    pub to: Option<u64>,
    /// An endpoint to ask only if no other has the blob.
    pub avoid: Option<Endpoint>,
}

/// A blob on its way.
pub struct BlobStream {
    /// Who sends it.
    pub endpoint: Endpoint,
    /// The size of the whole blob in bytes, where it is known.
    pub total: Option<u64>,
    /// The offset of the first byte to come: the one asked for, or 0 if the registry sends everything instead.
    pub start: u64,
    /// Whether the registry can send parts.
    pub ranges: bool,
    /// The bytes. An error ends them: [`Error::Cut`] or [`Error::TimedOut`] when more was to come.
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
    /// Asks about a blob. Where `HEAD` is refused, which some storages behind registries do, the first byte is asked for.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn head_blob(&self, repository: &Repository, digest: &Digest) -> Result<BlobHead, Error> {
        self.at_endpoints(None, |endpoint| self.head_blob_at(endpoint, repository, digest).boxed()).await
    }

    /// Opens a blob. An answer is whole or the range asked for; anything else is [`Error::Invalid`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        ask: BlobAsk,
    ) -> Result<BlobStream, Error> {
        let at = |endpoint| self.blob_at(endpoint, repository, digest, ask).boxed();
        self.at_endpoints(ask.avoid, at).await
    }

    async fn head_blob_at(
        &self,
        endpoint: Endpoint,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<BlobHead, Error> {
        let ask = Ask::head(repository, format!("blobs/{digest}"));
        match self.exchange(endpoint, &ask).await {
            Ok(answer) => match answer.digest_is(digest) {
                Ok(()) => Ok(BlobHead { size: answer.content_length() }),
                Err(lie) => Err(answer.fail(lie)),
            },
            Err(Error::Denied { status: 403 | 405, .. }) => {
                let first = BlobAsk { to: Some(1), ..BlobAsk::default() };
                let part = self.blob_at(endpoint, repository, digest, first).await?;
                Ok(BlobHead { size: part.total })
            }
            Err(error) => Err(error),
        }
    }

    async fn blob_at(
        &self,
        endpoint: Endpoint,
        repository: &Repository,
        digest: &Digest,
        wanted: BlobAsk,
    ) -> Result<BlobStream, Error> {
        let mut ask = Ask::get(repository, format!("blobs/{digest}"));
        if let Some(range) = range_header(wanted) {
            ask = ask.with(header::RANGE, range);
        }
        let answer = self.exchange(endpoint, &ask).await?;
        let part = answer.digest_is(digest).and_then(|()| Part::of(&answer, wanted));
        match part {
            Ok(part) => Ok(part.stream(endpoint, self.watched(endpoint, answer))),
            Err(invalid) => Err(answer.fail(invalid)),
        }
    }
}

impl Remote {
    // The body of an answer; if it is too slow, others are asked first for a while.
    fn watched(&self, endpoint: Endpoint, answer: Answer) -> Chunks {
        let (remote, chunks) = (self.clone(), answer.stream(self.patience().idle));
        let watched = chunks.inspect(move |chunk| {
            if matches!(chunk, Err(Error::TimedOut)) {
                remote.ask_later(endpoint, "it is silent or too slow");
            }
        });
        watched.boxed()
    }
}

fn range_header(ask: BlobAsk) -> Option<HeaderValue> {
    let text = match (ask.from, ask.to) {
        (0, None) => return None,
        (from, Some(to)) if to > from => format!("bytes={from}-{}", to - 1),
        (from, _) => format!("bytes={from}-"),
    };
    HeaderValue::try_from(text).ok()
}

/// What part of the blob an answer is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole { total: Option<u64>, ranges: bool },
    Range { range: Range<u64>, total: Option<u64> },
}

impl Part {
    fn of(answer: &Answer, ask: BlobAsk) -> Result<Self, InvalidAnswer> {
        if answer.status() != StatusCode::PARTIAL_CONTENT {
            let accepted = answer.header(&header::ACCEPT_RANGES).unwrap_or_default();
            let ranges = accepted.trim().eq_ignore_ascii_case("bytes");
            return Ok(Self::Whole { total: answer.content_length(), ranges });
        }
        let header = answer.header(&header::CONTENT_RANGE).ok_or(InvalidAnswer::Range)?;
        Self::range(header, ask).ok_or(InvalidAnswer::Range)
    }

    // `bytes first-last/total` (RFC 9110 §14.4), if it is what was asked for, perhaps less of it.
    pub(crate) fn range(header: &str, ask: BlobAsk) -> Option<Self> {
        let (range, total) = header.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, end) = (number(first)?, number(last)?.checked_add(1)?);
        let total = if total.trim() == "*" { None } else { Some(number(total)?) };
        let asked = range_header(ask).is_some();
        let fits = ask.to.is_none_or(|to| end <= to) && total.is_none_or(|total| end <= total);
        let good = asked && first == ask.from && first < end && fits;
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

    fn ask(from: u64, to: Option<u64>) -> BlobAsk {
        BlobAsk { from, to, avoid: None }
    }

    #[test]
    fn asks_for_ranges() {
        assert_eq!(range_header(ask(0, None)), None);
        assert_eq!(range_header(ask(5, None)).unwrap(), "bytes=5-");
        assert_eq!(range_header(ask(0, Some(1))).unwrap(), "bytes=0-0");
        assert_eq!(range_header(ask(5, Some(10))).unwrap(), "bytes=5-9");
    }

    #[test]
    fn takes_only_the_range_asked_for() {
        let range = |header, from, to| Part::range(header, ask(from, to));
        let part = |range, total| Some(Part::Range { range, total });
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
