//! What the pages are made of besides themselves: one style, one script, one picture, all in the binary.

use http::{HeaderValue, Response, StatusCode, header};

use super::html;
use crate::{answer::respond, body::Body, headers::IMMUTABLE};

/// The asset at `path`, if there is one. Pages ask for them by a version that changes with them.
pub(super) fn find(path: &str, query: &str) -> Option<Response<Body>> {
    let (media_type, content) = match path {
        "/assets/entrepot.css" => ("text/css; charset=utf-8", Body::bytes(html::STYLE)),
        "/assets/entrepot.js" => ("text/javascript; charset=utf-8", Body::bytes(html::SCRIPT)),
        "/assets/mark.svg" => ("image/svg+xml", Body::bytes(html::mark())),
        _ => return None,
    };
    let mut response = respond(StatusCode::OK, content);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let keep = if query.starts_with("v=") { IMMUTABLE } else { HeaderValue::from_static("no-cache") };
    headers.insert(header::CACHE_CONTROL, keep);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    Some(response)
}
