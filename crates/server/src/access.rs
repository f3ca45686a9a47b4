//! The access log: one event at the end of each request, on the tracing target `access`.
//!
//! It contains no secrets: of the headers only the user agent, of the query only the values that [`crate::query`]
//! allows.

use std::{fmt::Write, net::IpAddr};

use entrepot_oci::is_hidden;
use http::{HeaderMap, Method, StatusCode, header, request::Parts};

use crate::{ids::RequestId, origin::Origin, query};

/// Maximum length of a logged user agent, in characters.
const MAX_AGENT: usize = 200;

/// The part of a log line that is known when the request starts.
pub(crate) struct Line {
    id: RequestId,
    client: Option<IpAddr>,
    method: Method,
    path: String,
    agent: String,
}

impl Line {
    /// Returns `None` if the target is disabled, so a log that is off costs nothing.
    pub(crate) fn of(request: &Parts, id: &RequestId, origin: &Origin<'_>) -> Option<Box<Self>> {
        if !tracing::enabled!(target: "access", tracing::Level::INFO) {
            return None;
        }
        let mut path = printable(request.uri.path(), usize::MAX);
        if let Some(query) = request.uri.query() {
            path.push_str(&printable(&query::for_log(query), usize::MAX));
        }
        Some(Box::new(Self {
            id: id.clone(),
            client: origin.client(),
            method: request.method.clone(),
            path,
            agent: agent(&request.headers),
        }))
    }

    /// Writes the event. `None` as status means that the client left before there was a response; it is logged as 499.
    pub(crate) fn log(&self, status: Option<StatusCode>, bytes: u64, milliseconds: u64) {
        let client = self.client.map_or_else(|| "local".to_owned(), |client| client.to_string());
        tracing::info!(
            target: "access",
            request = self.id.as_str(),
            client,
            method = self.method.as_str(),
            path = self.path,
            status = status.map_or(499, |status| status.as_u16()),
            bytes,
            milliseconds,
            agent = self.agent,
        );
    }
}

/// What the program says that it is, as it may be shown.
pub(crate) fn agent(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    agent.map(|agent| printable(&agent, MAX_AGENT)).unwrap_or_default()
}

// Control characters could forge lines, and bidirectional marks could reverse text on a terminal.
pub(crate) fn printable(text: &str, most: usize) -> String {
    if text.len() <= most && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars().take(most) {
        if is_hidden(character) {
            // Writing to a `String` does not fail.
            let _ = write!(out, "{}", character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_a_terminal_would_obey() {
        assert_eq!(printable("/v2/é\u{1b}[31m\r\n\u{202e}x", 100), r"/v2/é\u{1b}[31m\u{d}\u{a}\u{202e}x");
        assert_eq!(printable("abcdef", 3), "abc");
    }
}
