//! Responses with pages, and the language that they are in.

use http::{HeaderValue, Response, StatusCode, header};

use super::words::Language;
use crate::{answer::respond, body::Body, web::call::WebCall};

/// Loads resources from this server only, and nothing inline.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);
/// The reader's language.
pub(super) fn language(call: &WebCall) -> Language {
    Language::of(call.query(), &call.headers)
}

/// A page that is not cached, with what it may load.
pub(super) fn page(media_type: HeaderValue, text: String) -> Response<Body> {
    let mut response = respond(StatusCode::OK, Body::bytes(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}
