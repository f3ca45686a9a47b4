//! What came back on one request: sorted by status, read within bounds.
//!
//! [`Answer::successful`] turns error statuses into [`Error`]s; [`Answer::document`] buffers a small body;
//! [`Answer::stream`] hands a large one on. The request is reported when one of them is through.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use entrepot_oci::{Digest, ErrorBody, is_hidden};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use url::Url;

use crate::{
    ask::Ask,
    body::{self, Chunks},
    client::Patience,
    error::{self, Error, InvalidAnswer},
    outcome::Receipt,
    retry_after,
};

/// As much of an error's body as is read, in bytes; also what is read away so that the connection can be used again.
const MAX_ERROR_BODY: usize = 64 << 10;

/// The longest that is waited for an error's body.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest message of an upstream that is passed on, in characters.
const MAX_REASON: usize = 300;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The headers of an answer, with its body still to come.
pub(crate) struct Answer {
    response: reqwest::Response,
    receipt: Receipt,
}

/// What counts as success, and how the rest is sorted.
#[derive(Clone, Copy)]
enum Wanted {
    /// Content.
    Content,
    /// Something to be gone.
    Absence,
    /// Something to be there. That something else is not is a refusal with a reason.
    Presence,
}

impl Wanted {
    fn of(ask: &Ask) -> Self {
        match (ask.changes(), ask.topic().0) {
            (false, _) => Self::Content,
            (true, &Method::DELETE) => Self::Absence,
            (true, _) => Self::Presence,
        }
    }

    fn is(self, status: StatusCode) -> bool {
        match self {
            Self::Content => matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT),
            // Which of them is written differs from registry to registry.
            Self::Absence | Self::Presence => (200..=204).contains(&status.as_u16()),
        }
    }
}

impl Answer {
    pub(crate) fn new(response: reqwest::Response, receipt: Receipt) -> Self {
        Self { response, receipt }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(crate) fn url(&self) -> &Url {
        self.response.url()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The text of a header.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// The size of the body, as the headers have it; also for `HEAD`, which has none.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header(&header::CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// The `Docker-Content-Digest`.
    pub(crate) fn digest(&self) -> Result<Option<Digest>, InvalidAnswer> {
        let Some(value) = self.headers().get(CONTENT_DIGEST) else { return Ok(None) };
        let text = value.to_str().map_err(|_| InvalidAnswer::WrongDigest)?;
        text.trim().parse().map(Some).map_err(|_| InvalidAnswer::WrongDigest)
    }

    /// Checks that a `Docker-Content-Digest` is the digest asked for. One by another algorithm says nothing of it.
    pub(crate) fn digest_is(&self, asked: &Digest) -> Result<(), InvalidAnswer> {
        match self.digest()? {
            Some(said) if said.algorithm() == asked.algorithm() && said != *asked => {
                Err(InvalidAnswer::WrongDigest)
            }
            _ => Ok(()),
        }
    }

    /// Reports the request as failed, and gives the failure back.
    pub(crate) fn fail(self, error: impl Into<Error>) -> Error {
        self.receipt.fail(error.into())
    }

    /// Lets content through and sorts the rest.
    pub(crate) async fn successful(self) -> Result<Self, Error> {
        self.wanted(Wanted::Content).await
    }

    /// Lets what `ask` hopes for through and sorts the rest.
    pub(crate) async fn to(self, ask: &Ask) -> Result<Self, Error> {
        self.wanted(Wanted::of(ask)).await
    }

    async fn wanted(self, wanted: Wanted) -> Result<Self, Error> {
        if !wanted.is(self.status()) {
            return Err(self.failure(wanted).await);
        }
        let encoding = self.header(&header::CONTENT_ENCODING).unwrap_or("identity").trim();
        let plain = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
        if plain { Ok(self) } else { Err(self.fail(InvalidAnswer::Encoded)) }
    }

    /// Reads away what a challenge or a redirect has to say.
    pub(crate) async fn drain(self) {
        let Self { response, receipt } = self;
        text(response).await;
        drop(receipt);
    }

    /// The whole body, if it is at most `limit` bytes and comes within `patience`. The receipt is for whoever
    /// looks into it.
    pub(crate) async fn document(self, limit: usize, patience: Patience) -> Result<(Bytes, Receipt), Error> {
        let Self { response, receipt } = self;
        match tokio::time::timeout(patience.document, body::capped(response, limit, patience.idle)).await {
            Ok(Ok(bytes)) => Ok((bytes, receipt)),
            Ok(Err(error)) => Err(receipt.fail(error)),
            Err(_) => Err(receipt.fail(Error::TimedOut)),
        }
    }

    /// The body as it comes, with at most `patience` between two pieces, for as long as someone waits for them.
    pub(crate) fn stream(self, patience: Duration) -> Chunks {
        body::patient(self.response.bytes_stream().map(|chunk| chunk.map_err(error::within_body)), patience)
    }

    async fn failure(self, wanted: Wanted) -> Error {
        let Self { response, receipt } = self;
        let status = response.status();
        let code = status.as_u16();
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| retry_after::parse(value, SystemTime::now()));
        // A success that is none, and a redirect to nowhere, may have a body without end.
        let text = if code < 400 { String::new() } else { text(response).await };
        receipt.fail(match code {
            404 | 410 if !matches!(wanted, Wanted::Presence) => Error::NotFound,
            429 => Error::Limited { retry_after },
            // "The range is not there" and "you were too slow" are about one request, not about rights.
            416 => InvalidAnswer::Range.into(),
            408 => Error::TimedOut,
            // What the registry does not do at all, it does not do for a reason that will pass either.
            400..=499 | 501 => Error::Denied { status: code, reason: reason(&text) },
            500..=599 => Error::Failing { status: code, retry_after },
            _ => InvalidAnswer::Status(code).into(),
        })
    }
}

async fn text(response: reqwest::Response) -> String {
    let body = body::capped(response, MAX_ERROR_BODY, ERROR_BODY_TIMEOUT);
    match tokio::time::timeout(ERROR_BODY_TIMEOUT, body).await {
        Ok(Ok(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        _ => String::new(),
    }
}

// The registry's own words, made fit for a log line and an error message.
pub(crate) fn reason(body: &str) -> String {
    let summary = ErrorBody::parse(body.as_bytes()).map(|body| body.summary());
    let is_prose = !body.trim_start().starts_with(['<', '{', '[']);
    let text = summary.or_else(|| is_prose.then(|| body.to_owned())).unwrap_or_default();
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !is_hidden(*c)).take(MAX_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_one_clean_line() {
        for (body, clean) in [
            (r#"{"errors":[{"code":"DENIED","message":"no\r\n\u001b[31mway"}]}"#, "DENIED: no [31mway"),
            ("plain\n text\u{202e}evil", "plain textevil"),
            ("<html><body>Forbidden</body></html>", ""),
            (r#"{"detail":"x"}"#, ""),
            ("", ""),
        ] {
            assert_eq!(reason(body), clean);
        }
        assert_eq!(reason(&"x".repeat(1000)).len(), MAX_REASON);
    }
}
