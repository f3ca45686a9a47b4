//! Answers that go on while something happens: events, logs that are followed.

use bytes::Bytes;
use entrepot_mirror::{BlobStream, Cut};
use futures_util::stream::BoxStream;
use http::{HeaderValue, Response, StatusCode, header};

use crate::{answer::respond, body::Body};

/// The media type of server-sent events.
pub(crate) const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

/// Makes a response that is sent as it comes, and kept by nobody in between.
pub(crate) fn live(
    frames: BoxStream<'static, Result<Bytes, Cut>>,
    media_type: HeaderValue,
) -> Response<Body> {
    let body = Body::stream(BlobStream { mapping: None, frames }, None, None);
    let mut response = respond(StatusCode::OK, body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Stops nginx from buffering.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
