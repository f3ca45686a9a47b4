//! What is asked of a registry, and how that looks on the wire.

use entrepot_oci::Repository;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

/// One question about a repository, the same at every endpoint.
pub(crate) struct Ask<'a> {
    method: Method,
    repository: &'a Repository,
    // Behind the repository's name, with the query: `manifests/latest`.
    rest: String,
    headers: HeaderMap,
}

impl<'a> Ask<'a> {
    pub(crate) fn get(repository: &'a Repository, rest: String) -> Self {
        Self { method: Method::GET, repository, rest, headers: HeaderMap::new() }
    }

    pub(crate) fn head(repository: &'a Repository, rest: String) -> Self {
        Self { method: Method::HEAD, ..Self::get(repository, rest) }
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(crate) fn repository(&self) -> &Repository {
        self.repository
    }

    /// What it is about, such as `manifests`, and how it is asked.
    pub(crate) fn topic(&self) -> (&Method, &str) {
        (&self.method, self.rest.split(['/', '?']).next().unwrap_or_default())
    }

    /// The address at an endpoint. `None` if that is not one, which the types of its parts leave no room for.
    pub(crate) fn at(&self, endpoint: &Url) -> Option<Url> {
        let base = endpoint.as_str().trim_end_matches('/');
        format!("{base}/v2/{}/{}", self.repository, self.rest).parse().ok()
    }

    /// The request to one address.
    pub(crate) fn to(&self, url: Url) -> Wire {
        Wire { method: self.method.clone(), url, headers: self.headers.clone() }
    }
}

/// One request as it is sent.
pub(crate) struct Wire {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
}

impl Wire {
    pub(crate) fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new() }
    }
}
