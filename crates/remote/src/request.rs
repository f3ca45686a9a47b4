//! A request to the registry API, and the HTTP requests that it becomes.

use bytes::Bytes;
use entrepot_oci::Repository;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use crate::{api_address::address, auth::scope::Scope, endpoint::Endpoint};

/// A request to the registry API, which is the same at every endpoint.
pub(crate) struct Request {
    method: Method,
    scope: Scope,
    // The path after `/v2/`, with the query: `library/nginx/manifests/latest`.
    path: String,
    topic: String,
    headers: HeaderMap,
    body: Bytes,
    changes: bool,
    within_api: bool,
}

impl Request {
    pub(crate) fn get(repository: &Repository, rest: String) -> Self {
        Self::of(Method::GET, Scope::Pull(repository.clone()), repository, rest)
    }

    pub(crate) fn head(repository: &Repository, rest: String) -> Self {
        Self { method: Method::HEAD, ..Self::get(repository, rest) }
    }

    /// Lists repositories. `path` includes the query.
    pub(crate) fn catalog(path: String) -> Self {
        let topic = "_catalog".to_owned();
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        let (changes, within_api) = (false, false);
        Self { method: Method::GET, scope: Scope::Catalog, path, topic, headers, body, changes, within_api }
    }

    /// Changes what the registry holds. Any success status is accepted.
    pub(crate) fn change(method: Method, scope: Scope, repository: &Repository, rest: String) -> Self {
        Self { changes: true, ..Self::of(method, scope, repository, rest) }
    }

    fn of(method: Method, scope: Scope, repository: &Repository, rest: String) -> Self {
        let topic = rest.split(['/', '?']).next().unwrap_or_default().to_owned();
        let path = format!("{repository}/{rest}");
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        let (changes, within_api) = (false, false);
        Self { method, scope, path, topic, headers, body, changes, within_api }
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Adds a body.
    pub(crate) fn sending(self, body: Bytes) -> Self {
        Self { body, ..self }
    }

    /// Takes a redirect out of `/v2/` for "there is no such address".
    pub(crate) fn within_api(self) -> Self {
        Self { within_api: true, ..self }
    }

    /// Whether a redirect from `url` to `target` may be followed.
    pub(crate) fn follows(&self, url: &Url, target: &Url) -> bool {
        // An endpoint may have a path in front of `/v2/`.
        let prefix = url.path().split_once("/v2/").map_or("", |(prefix, _)| prefix);
        let rest = target.path().strip_prefix(prefix).unwrap_or(target.path());
        !self.within_api || rest.starts_with("/v2/") || target.path().starts_with("/v2/")
    }

    /// The rights that the request needs.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether the request changes what the registry holds.
    pub(crate) fn changes(&self) -> bool {
        self.changes
    }

    /// The method, and the kind of resource such as `manifests`.
    pub(crate) fn topic(&self) -> (&Method, &str) {
        (&self.method, &self.topic)
    }

    /// The URL at an endpoint. `None` if it is not one, which the types of its parts rule out.
    pub(crate) fn at(&self, endpoint: &Url) -> Option<Url> {
        address(endpoint, &self.path)
    }

    /// The HTTP request to one URL, over the link of `endpoint`.
    pub(crate) fn to(&self, url: Url, endpoint: Endpoint) -> WireRequest {
        let (method, headers, body) = (self.method.clone(), self.headers.clone(), self.body.clone());
        WireRequest { method, url, link: endpoint.link, headers, body }
    }
}

/// One HTTP request.
#[derive(Clone)]
pub(crate) struct WireRequest {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// Which of the registry's links it goes over.
    pub(crate) link: usize,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl WireRequest {
    /// A `GET` over the link of `endpoint`.
    pub(crate) fn get(url: Url, endpoint: Endpoint) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method: Method::GET, url, link: endpoint.link, headers, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R06
    #[test]
    fn the_api_is_below_v2() {
        let repository = "a/b".parse().unwrap();
        let request = Request::get(&repository, "referrers/x".to_owned());
        let url = |text: &str| text.parse::<Url>().unwrap();
        for (from, to, is_within) in [
            ("https://a.example/v2/a/b", "https://a.example/v2/c", true),
            ("https://a.example/v2/a/b", "https://b.example/v2/c", true),
            ("https://a.example/hub/v2/a/b", "https://a.example/hub/v2/c", true),
            ("https://a.example/hub/v2/a/b", "https://b.example/v2/c", true),
            ("https://a.example/v2/a/b", "https://a.example/-/v2/packages/c", false),
            ("https://a.example/v2/a/b", "https://a.example/login", false),
        ] {
            assert!(request.follows(&url(from), &url(to)));
            let within = Request::get(&repository, "referrers/x".to_owned()).within_api();
            assert_eq!(within.follows(&url(from), &url(to)), is_within, "{from} {to}");
        }
    }
}
