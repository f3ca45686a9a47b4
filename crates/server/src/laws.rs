//! Properties that hold for any client input, as functions that panic if one is violated.
//!
//! Shared by the property tests below and the fuzz targets `query` and `http` in `fuzz/`, and compiled only for them.

use std::collections::HashSet;

use entrepot_oci::{Digest, ErrorBody};
use http::{HeaderMap, HeaderValue, header};

use crate::{access, headers, ids::RequestId, query};

/// Any query: only non-secret values are logged, and nothing that controls a terminal.
pub fn query(text: &str) {
    let logged = query::for_log(text);
    let given: HashSet<&str> = text.split('&').collect();
    for pair in logged.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split('=').next().unwrap_or_default();
        assert!(["ns", "n", "last", "digest", "artifactType"].contains(&name), "{pair:?} is logged");
        assert!(given.contains(pair), "{pair:?} is logged and was not there");
    }
    let printed = access::printable(text, 50);
    assert!(!printed.chars().any(char::is_control), "{printed:?}");
    assert!(!printed.contains(['\u{202e}', '\u{200b}', '\u{2028}', '\u{2066}', '\u{feff}']), "{printed:?}");
    if let Some(value) = query::find(text, "last") {
        let written = form_urlencoded::Serializer::new(String::new()).append_pair("last", &value).finish();
        assert_eq!(query::find(&written, "last").as_deref(), Some(&*value));
    }
}

/// Any value of any header that the server reads.
pub fn header(value: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(value) else { return };
    let with = |name| HeaderMap::from_iter([(name, value.clone())]);
    let id = RequestId::of(&with(headers::X_REQUEST_ID));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    assert!((1..=64).contains(&id.as_str().len()) && id.as_str().bytes().all(is_plain), "{id:?}");
    let digest = Digest::of(b"");
    if headers::has_already(&with(header::IF_NONE_MATCH), &digest) {
        let text = value.to_str().unwrap_or_default();
        assert!(text.contains(&digest.to_string()) || text.contains('*'), "{text:?}");
    }
    if headers::range_counts(&with(header::IF_RANGE), &digest) {
        assert_eq!(value.as_bytes(), format!("\"{digest}\"").as_bytes());
    }
    if headers::content_length(&with(header::CONTENT_LENGTH)).is_some() {
        assert!(value.as_bytes().iter().all(u8::is_ascii_digit), "{value:?} is a length");
    }
}

/// Any HTTP/1.1 output: the first response is well-formed, is no server fault, and reports errors in the format of the
/// registry API.
pub fn answer(bytes: &[u8]) {
    // Empty, or HTTP/2.
    if !bytes.starts_with(b"HTTP/") {
        return;
    }
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        panic!("an answer without an end of its head: {}", String::from_utf8_lossy(bytes));
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let body = &bytes[end + 4..];
    let status: u16 = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
    assert!(!matches!(status, 0 | 500 | 503 | 507), "{head}");
    let header = |wanted: &str| {
        let mut lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned())
    };
    for line in head.split("\r\n") {
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    assert!(header("location").is_none_or(|location| location.starts_with("/v2/")), "{head}");
    let length: Option<usize> = header("content-length").and_then(|length| length.parse().ok());
    // Requests that hyper rejects itself have no id and no body; any other response without a body is to a `HEAD`.
    let is_whole = length.is_some_and(|length| length > 0 && body.len() >= length);
    if status >= 400 && is_whole && header("x-request-id").is_some() && !body.starts_with(b"HTTP/") {
        let said = ErrorBody::parse(&body[..length.unwrap_or_default()]);
        assert!(said.is_some_and(|said| !said.summary().is_empty()), "{head}");
    }
    if let Some(range) = header("content-range").filter(|_| status == 206) {
        let numbers: Vec<u64> = range.split([' ', '-', '/']).filter_map(|part| part.parse().ok()).collect();
        let [first, last, size] = numbers[..] else { panic!("{head}") };
        assert!(first <= last && last < size, "{head}");
        assert_eq!(length.map(|length| length as u64), Some(last - first + 1), "{head}");
    }
}

#[cfg(test)]
#[path = "laws_tests.rs"]
mod tests;
