//! Errors as pages, for browsers. Everything else gets the documents that programs read.

use entrepot_scheduler::Error;
use http::{HeaderMap, Response, StatusCode, header};

use super::{
    frame::{Frame, PageKind},
    home_words::HomeWords,
    html::{escape, inline},
    login_words::LoginWords,
    response::{language, page, visitor},
    words::Language,
};
use crate::{
    admission::AdmissionDenial, body::Body, error::RETRY, headers::HTML, host::Unclear, metrics::RouteKind,
    sync::problem::Problem, web::call::WebCall,
};

/// A fact and a way out.
struct ErrorText {
    status: StatusCode,
    what: String,
    hint: &'static str,
}

/// Nothing exists at this address.
pub(crate) async fn missing(call: WebCall) -> Response<Body> {
    if !is_for_people(call.path(), &call.headers) {
        return call.not_found();
    }
    let words = HomeWords::of(language(&call));
    let path = escape(call.path());
    let hint = format!("{}<br>{}", words.no_page_hint, inline(words.registry_here));
    let main = main(&format!("{}: <code>{path}</code>", words.no_page), &hint);
    let mut response = framed(&call, &main);
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.extensions_mut().insert(RouteKind::None);
    response
}

/// Something about syncs cannot be shown.
pub(super) fn of_sync(call: &WebCall, error: Error) -> Response<Body> {
    if !is_for_people(call.path(), &call.headers) {
        return Problem::from(error).answer();
    }
    let words = HomeWords::of(language(call));
    let (what, hint) = match &error {
        Error::UnknownRule(name) => {
            (format!("{}: <code>{}</code>", words.no_rule, escape(name)), words.no_rule_hint)
        }
        _ => (words.no_records.to_owned(), words.no_records_hint),
    };
    let mut response = framed(call, &main(&what, hint));
    // The log and the status are those of the document.
    *response.status_mut() = Problem::from(error).status;
    response
}

/// Accounts cannot be read at the moment.
pub(super) fn unavailable(call: &WebCall) -> Response<Body> {
    let main = main(LoginWords::of(language(call)).unavailable, "");
    let mut response = framed(call, &main);
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(header::RETRY_AFTER, RETRY.into());
    response
}

/// The page for a request that is not admitted; `None` if no browser shows it. It loads nothing, since whatever it
/// would ask for is not admitted either.
pub(crate) fn denied(denied: &AdmissionDenial, path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    if !is_for_people(path, headers) {
        return None;
    }
    let language = Language::of("", headers);
    let ErrorText { status, what, hint } = told(denied, HomeWords::of(language));
    let text = format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><title>entrepot</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"></head>\
         <body><h1>{what}</h1><p>{}</p></body></html>\n",
        language.code(),
        inline(hint)
    );
    let mut response = page(HTML, text);
    *response.status_mut() = status;
    Some(response)
}

fn told(denied: &AdmissionDenial, words: &'static HomeWords) -> ErrorText {
    let (what, hint) = match denied {
        AdmissionDenial::Host(Unclear::Several) => (words.several_hosts.to_owned(), words.host_hint),
        AdmissionDenial::Host(Unclear::Malformed) | AdmissionDenial::Misdirected(None) => {
            (words.no_host.to_owned(), words.host_hint)
        }
        AdmissionDenial::Misdirected(Some(host)) => {
            let what = format!("{}: <code>{}</code>", words.other_host, escape(host.as_str()));
            (what, words.other_host_hint)
        }
        AdmissionDenial::CrossSite | AdmissionDenial::Unproven => {
            (words.other_site.to_owned(), words.other_site_hint)
        }
    };
    ErrorText { status: denied.status(), what, hint }
}

// Browsers name HTML in `Accept` when they open a page, registry clients and scripts do not.
pub(super) fn is_for_people(path: &str, headers: &HeaderMap) -> bool {
    let is_below =
        |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    !is_below("/v2") && !is_below("/api") && accept.contains("text/html")
}

fn main(what: &str, hint: &str) -> String {
    format!("<main class=\"page narrow\"><h1>{what}</h1><p class=\"lead\">{hint}</p></main>")
}

fn framed(call: &WebCall, main: &str) -> Response<Body> {
    let frame = Frame { page: PageKind::Error, language: language(call), query: "", visitor: visitor(call) };
    page(HTML, frame.around(main))
}
