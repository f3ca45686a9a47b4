//! Static assets of the pages: a stylesheet, a script and an icon, all embedded in the binary.

use http::{HeaderValue, Response, StatusCode, header};

use super::{frame, html};
use crate::{answer::respond, body::Body, headers::IMMUTABLE, web::call::WebCall};

/// The stylesheet of all pages.
pub(super) async fn style(call: WebCall) -> Response<Body> {
    asset(&call, "text/css; charset=utf-8", Body::bytes(frame::STYLE))
}

/// The script for live updates.
pub(super) async fn script(call: WebCall) -> Response<Body> {
    asset(&call, "text/javascript; charset=utf-8", Body::bytes(frame::SCRIPT))
}

/// The icon in front of the title.
pub(super) async fn mark(call: WebCall) -> Response<Body> {
    asset(&call, "image/svg+xml", Body::bytes(html::mark()))
}

// Pages request assets by a version that changes with their content.
fn asset(call: &WebCall, media_type: &'static str, content: Body) -> Response<Body> {
    let mut response = respond(StatusCode::OK, content);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let keep = if call.query().starts_with("v=") { IMMUTABLE } else { HeaderValue::from_static("no-cache") };
    headers.insert(header::CACHE_CONTROL, keep);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    response
}
