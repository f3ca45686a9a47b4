//! What the engine was asked.

use bytes::Bytes;
use http::{HeaderMap, Method, request::Parts};
use serde_json::Value;

/// A request that reached the engine.
#[derive(Clone, Debug)]
pub struct EngineCall {
    /// `GET`, `POST`, `DELETE`.
    pub method: Method,
    /// The version in front of the path: `1.41`, or nothing.
    pub version: String,
    /// The path behind it, such as `containers/create` or `libpod/containers/create`.
    pub path: String,
    /// What is behind the question mark, in its order.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, `null` if it is empty or no JSON.
    pub body: Value,
}

impl EngineCall {
    pub(crate) fn new(parts: &Parts, body: &Bytes) -> Self {
        let path = parts.uri.path().trim_start_matches('/');
        let (version, path) = match path.strip_prefix('v').and_then(|rest| rest.split_once('/')) {
            Some((version, rest)) if version.starts_with(|first: char| first.is_ascii_digit()) => {
                (version, rest)
            }
            _ => ("", path),
        };
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        Self {
            method: parts.method.clone(),
            version: version.to_owned(),
            path: path.to_owned(),
            query: query.into_owned().collect(),
            headers: parts.headers.clone(),
            body: serde_json::from_slice(body).unwrap_or_default(),
        }
    }

    /// A value of the query; empty if it is not there.
    pub fn value(&self, name: &str) -> &str {
        self.values(name).first().copied().unwrap_or_default()
    }

    /// All values of a name in the query.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let found = self.query.iter().filter(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// Whether it is a `method` of a path with these segments, where `*` is any.
    pub fn is(&self, method: &str, path: &str) -> bool {
        let (wanted, segments) = (path.split('/'), self.path.split('/'));
        let is_one = |(wanted, segment): (&str, &str)| wanted == "*" || wanted == segment;
        self.method == method
            && wanted.clone().count() == segments.clone().count()
            && wanted.zip(segments).all(is_one)
    }
}
