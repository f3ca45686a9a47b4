//! The response to one HTTP request: statuses become errors, bodies are read within bounds.
//!
//! [`Response::successful`] turns error statuses into [`Error`]s; [`Response::document`] reads a small body,
//! [`Response::stream`] a large one.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use entrepot_oci::{Digest, ErrorBody, is_hidden};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use url::Url;

use crate::{
    body::{self, Chunks},
    error::{self, Error, InvalidResponse},
    links::traffic::Traffic,
    network_fault::{NetworkFault, NetworkFaultKind},
    outcome::OutcomeGuard,
    patience::Patience,
    repeated::word_after,
    request::Request,
    retry_after,
};

/// The most bytes of an error body that are read. A body of that size is also read to reuse its connection.
const MAX_ERROR_BODY: usize = 64 << 10;

/// The longest wait for an error body.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// The most characters of a registry's message that are passed on.
const MAX_REASON: usize = 300;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// A response whose body has not been read.
pub(crate) struct Response {
    response: reqwest::Response,
    guard: OutcomeGuard,
    traffic: Traffic,
}

/// Which statuses count as success.
#[derive(Clone, Copy)]
enum Expectation {
    /// Content is requested.
    Content,
    /// Something is deleted.
    Deletion,
    /// Something is written. If something else is missing, that is a refusal with a reason.
    Write,
}

impl Expectation {
    fn of(request: &Request) -> Self {
        match (request.changes(), request.topic().0) {
            (false, _) => Self::Content,
            (true, &Method::DELETE) => Self::Deletion,
            (true, _) => Self::Write,
        }
    }

    fn is(self, status: StatusCode) -> bool {
        match self {
            Self::Content => matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT),
            // Registries differ in which of these they send.
            Self::Deletion | Self::Write => (200..=204).contains(&status.as_u16()),
        }
    }
}

impl Response {
    pub(crate) fn new(response: reqwest::Response, guard: OutcomeGuard, traffic: Traffic) -> Self {
        Self { response, guard, traffic }
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

    /// The value of a header.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// The size of the body by its headers, also for `HEAD`.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header(&header::CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// The `Docker-Content-Digest`.
    pub(crate) fn digest(&self) -> Result<Option<Digest>, InvalidResponse> {
        let Some(value) = self.headers().get(CONTENT_DIGEST) else { return Ok(None) };
        let text = value.to_str().map_err(|_| InvalidResponse::WrongDigest)?;
        text.trim().parse().map(Some).map_err(|_| InvalidResponse::WrongDigest)
    }

    /// Checks that the `Docker-Content-Digest` is the requested digest. A digest by another algorithm is ignored.
    pub(crate) fn digest_is(&self, asked: &Digest) -> Result<(), InvalidResponse> {
        match self.digest()? {
            Some(said) if said.algorithm() == asked.algorithm() && said != *asked => {
                Err(InvalidResponse::WrongDigest)
            }
            _ => Ok(()),
        }
    }

    /// Reports the request as failed and returns the error.
    pub(crate) fn fail(self, error: impl Into<Error>) -> Error {
        self.guard.fail(error.into())
    }

    /// Returns an error unless the response has content.
    pub(crate) async fn successful(self) -> Result<Self, Error> {
        self.expecting(Expectation::Content).await
    }

    /// Returns an error unless the response is a success for `request`.
    pub(crate) async fn to(self, request: &Request) -> Result<Self, Error> {
        self.expecting(Expectation::of(request)).await
    }

    async fn expecting(self, expectation: Expectation) -> Result<Self, Error> {
        if !expectation.is(self.status()) {
            return Err(self.failure(expectation).await);
        }
        let encoding = self.header(&header::CONTENT_ENCODING).unwrap_or("identity").trim();
        let plain = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
        if plain { Ok(self) } else { Err(self.fail(InvalidResponse::Encoded)) }
    }

    /// Reads and discards the body of a challenge or a redirect.
    pub(crate) async fn drain(self) {
        let Self { response, guard, traffic } = self;
        text(response, traffic).await;
        drop(guard);
    }

    /// Reads the whole body of at most `limit` bytes. The guard is for the caller that parses it.
    pub(crate) async fn document(
        self,
        limit: usize,
        patience: Patience,
    ) -> Result<(Bytes, OutcomeGuard), Error> {
        let Self { response, guard, mut traffic } = self;
        traffic.awaits();
        match tokio::time::timeout(patience.document, body::capped(response, limit, patience.idle)).await {
            Ok(Ok(bytes)) => {
                traffic.received(bytes.len() as u64);
                traffic.finished();
                Ok((bytes, guard))
            }
            Ok(Err(error)) => Err(guard.fail(error)),
            Err(_) => Err(guard.fail(Error::TimedOut)),
        }
    }

    /// The body as a stream that may be silent for `patience` while the reader waits.
    pub(crate) fn stream(self, patience: Duration) -> Chunks {
        let chunks = self.response.bytes_stream().map(|chunk| chunk.map_err(error::within_body));
        body::over_link(body::patient(chunks, patience), self.traffic)
    }

    async fn failure(self, expectation: Expectation) -> Error {
        let Self { response, guard, traffic } = self;
        let code = response.status().as_u16();
        let is_plain = response.url().scheme() == "http";
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| retry_after::parse(value, SystemTime::now()));
        // An unexpected success or redirect may have a body without an end.
        let text = if code < 400 { String::new() } else { text(response, traffic).await };
        guard.fail(match code {
            400 if is_plain && wants_tls(&text) => unreachable(NetworkFaultKind::NeedsTls, code),
            404 | 410 if !matches!(expectation, Expectation::Write) => Error::NotFound,
            429 => Error::Limited { retry_after },
            // These two are about one request, not about rights.
            416 => InvalidResponse::Range.into(),
            408 => Error::TimedOut,
            // A firewall's page, or a storage service's document about a link that has expired. When writing, it may
            // also be about rights.
            403 if is_page(&text) && matches!(expectation, Expectation::Content) => {
                Error::Failing { status: code, retry_after }
            }
            // An unsupported operation (501) does not become supported by waiting.
            400..=499 | 501 => Error::Denied { status: code, reason: reason(&text) },
            500..=599 => Error::Failing { status: code, retry_after },
            _ => InvalidResponse::Status(code).into(),
        })
    }
}

fn unreachable(kind: NetworkFaultKind, status: u16) -> Error {
    Error::Unreachable { fault: NetworkFault::new(kind), source: Arc::new(InvalidResponse::Status(status)) }
}

// What Go's servers and nginx answer to plain HTTP on a port of TLS.
fn wants_tls(body: &str) -> bool {
    ["HTTP request to an HTTPS server", "plain HTTP request was sent to HTTPS port"]
        .iter()
        .any(|text| body.contains(text))
}

async fn text(response: reqwest::Response, mut traffic: Traffic) -> String {
    let body = body::capped(response, MAX_ERROR_BODY, ERROR_BODY_TIMEOUT);
    match tokio::time::timeout(ERROR_BODY_TIMEOUT, body).await {
        Ok(Ok(bytes)) => {
            traffic.received(bytes.len() as u64);
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => String::new(),
    }
}

// Whether a body is HTML or XML, which no registry sends.
fn is_page(body: &str) -> bool {
    body.trim_start().starts_with('<')
}

// The registry's message as one line without control characters.
pub(crate) fn reason(body: &str) -> String {
    let summary = ErrorBody::parse(body.as_bytes()).map(|body| body.summary());
    let is_prose = !body.trim_start().starts_with(['<', '{', '[']);
    let text = summary.or_else(|| is_prose.then(|| body.to_owned())).unwrap_or_default();
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let words = words.scan("", |before, word| Some(word_after(std::mem::replace(before, word), word)));
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
            ("you sent Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2ln to me", "you sent Bearer *** to me"),
            ("", ""),
        ] {
            assert_eq!(reason(body), clean);
        }
        assert_eq!(reason(&"x".repeat(1000)).len(), MAX_REASON);
    }
}
