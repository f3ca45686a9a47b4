//! Answers of every kind: documents, refusals, and those without a body.

use entrepot_oci::ErrorBody;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Body as _;

use crate::{
    body::Body,
    error::{Extra, Refusal},
    headers::{self, JSON},
    ids::RequestId,
};

/// The answer that a refusal becomes. What is our fault is logged, and the client gets the id to ask about it.
pub(crate) fn refuse(refusal: Refusal, id: &RequestId) -> Response<Body> {
    let Refusal { status, code, message, extra, cause } = refusal;
    let message = if status.is_server_error() {
        let cause = cause.map(|cause| cause.to_string());
        tracing::warn!(request = id.as_str(), %status, cause, "{message}");
        format!("{message} (request {})", id.as_str())
    } else {
        message
    };
    let mut response = Response::new(Body::bytes(ErrorBody::new(code, message).to_json()));
    *response.status_mut() = status;
    let to = response.headers_mut();
    to.insert(header::CONTENT_TYPE, JSON);
    match extra {
        Extra::None => {}
        Extra::Allow(methods) => {
            to.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        Extra::RetryAfter(seconds) => {
            to.insert(header::RETRY_AFTER, seconds.into());
        }
        Extra::Size(size) => {
            to.insert(header::CONTENT_RANGE, headers::value(format!("bytes */{size}")));
        }
        Extra::Upload { location, offset } => {
            to.insert(header::LOCATION, headers::value(location));
            to.insert(header::RANGE, headers::received(offset));
        }
    }
    response
}

/// The same without its body: the headers of a `HEAD` are those of the `GET`, its length among them (RFC 9110 §9.3.2).
pub(crate) fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let has_content = !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let length = body.size_hint().exact().filter(|_| has_content);
    if let (Some(length), header::Entry::Vacant(entry)) = (length, head.headers.entry(header::CONTENT_LENGTH))
    {
        entry.insert(length.into());
    }
    Response::from_parts(head, Body::empty())
}

/// A response with room for its headers.
pub(crate) fn respond(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = http::HeaderMap::with_capacity(12);
    response
}

/// A response with a JSON document.
pub(crate) fn json<T: serde::Serialize>(value: &T, media_type: HeaderValue) -> Response<Body> {
    // Structs of texts and numbers always serialise.
    let mut response = respond(StatusCode::OK, Body::bytes(serde_json::to_vec(value).unwrap_or_default()));
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}
