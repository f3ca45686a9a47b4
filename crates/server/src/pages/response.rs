//! Responses with pages, and the language that they are in.

use entrepot_access::Identity;
use http::{HeaderValue, Response, StatusCode, header};

use super::{frame::Visitor, words::Language};
use crate::{
    answer::{empty, respond},
    body::Body,
    headers,
    sender::Credentials,
    web::call::WebCall,
};

/// Loads resources from this server only, and nothing inline.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// The reader's language.
pub(crate) fn language(call: &WebCall) -> Language {
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

/// A page about logging in or about one account: what was shown to somebody who has logged out is not shown again by going
/// back.
pub(super) fn personal(status: StatusCode, html: String) -> Response<Body> {
    let mut response = page(headers::HTML, html);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Who reads the page.
pub(super) fn visitor(call: &WebCall) -> Visitor<'_> {
    let sender = &call.caller.sender;
    match &sender.principal.identity {
        Identity::Account(account) => {
            let has_session = matches!(sender.credentials, Credentials::Session(_));
            Visitor::Account { name: account.name.as_str(), has_session }
        }
        _ => {
            let is_in_use = call.state.access.as_ref().is_some_and(entrepot_access::Access::is_in_use);
            Visitor::Guest { may_log_in: is_in_use || !call.state.login_providers.is_empty() }
        }
    }
}

/// Sends the reader to a page of this server, which they ask for anew (RFC 9110 §15.4.4).
pub(super) fn see_other(to: &str) -> Response<Body> {
    let mut response = empty(StatusCode::SEE_OTHER);
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, headers::value(to.to_owned()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
