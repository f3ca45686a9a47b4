//! A response as a correct registry would give it, before any fault.

use bytes::Bytes;
use entrepot_oci::{Digest, ErrorBody, ErrorCode};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// Status, headers and the whole body.
#[derive(Clone, Debug)]
pub(crate) struct CorrectResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl CorrectResponse {
    pub(crate) fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub(crate) fn error(status: StatusCode, code: ErrorCode, message: &str) -> Self {
        Self::new(status).json(ErrorBody::new(code, message).to_json())
    }

    pub(crate) fn with(mut self, name: &str, value: impl AsRef<str>) -> Self {
        set(&mut self.headers, name, value.as_ref());
        self
    }

    /// Adds a header, keeping others of the same name.
    pub(crate) fn and(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, HeaderValue::try_from(value).unwrap());
        self
    }

    pub(crate) fn with_digest(self, digest: &Digest, is_on: bool) -> Self {
        if is_on { self.with("docker-content-digest", digest.to_string()) } else { self }
    }

    pub(crate) fn body(mut self, media_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.with(header::CONTENT_TYPE.as_str(), media_type)
    }

    pub(crate) fn json(self, body: impl Into<Bytes>) -> Self {
        self.body("application/json", body)
    }
}

/// Sets a header, replacing any previous value.
pub(crate) fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
}
