//! What is asked of a registry, and how that looks on the wire.

use bytes::Bytes;
use entrepot_oci::Repository;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use crate::auth::scope::Scope;

/// One question, the same at every endpoint.
pub(crate) struct Ask {
    method: Method,
    scope: Scope,
    // Behind `/v2/`, with the query: `library/nginx/manifests/latest`.
    path: String,
    topic: String,
    headers: HeaderMap,
    body: Bytes,
    changes: bool,
}

impl Ask {
    pub(crate) fn get(repository: &Repository, rest: String) -> Self {
        Self::of(Method::GET, Scope::Pull(repository.clone()), (repository, rest))
    }

    pub(crate) fn head(repository: &Repository, rest: String) -> Self {
        Self { method: Method::HEAD, ..Self::get(repository, rest) }
    }

    /// The listing of repositories, with its query.
    pub(crate) fn catalog(path: String) -> Self {
        let topic = "_catalog".to_owned();
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method: Method::GET, scope: Scope::Catalog, path, topic, headers, body, changes: false }
    }

    /// Something that changes what the registry holds: its answer may be any success.
    pub(crate) fn change(method: Method, scope: Scope, about: (&Repository, String)) -> Self {
        Self { changes: true, ..Self::of(method, scope, about) }
    }

    fn of(method: Method, scope: Scope, (repository, rest): (&Repository, String)) -> Self {
        let topic = rest.split(['/', '?']).next().unwrap_or_default().to_owned();
        let path = format!("{repository}/{rest}");
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method, scope, path, topic, headers, body, changes: false }
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With a body.
    pub(crate) fn sending(self, body: Bytes) -> Self {
        Self { body, ..self }
    }

    /// The rights it needs.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether it changes what the registry holds.
    pub(crate) fn changes(&self) -> bool {
        self.changes
    }

    /// What it is about, such as `manifests`, and how it is asked.
    pub(crate) fn topic(&self) -> (&Method, &str) {
        (&self.method, &self.topic)
    }

    /// The address at an endpoint. `None` if that is not one, which the types of its parts leave no room for.
    pub(crate) fn at(&self, endpoint: &Url) -> Option<Url> {
        let base = endpoint.as_str().trim_end_matches('/');
        format!("{base}/v2/{}", self.path).parse().ok()
    }

    /// The request to one address.
    pub(crate) fn to(&self, url: Url) -> Wire {
        let (method, headers, body) = (self.method.clone(), self.headers.clone(), self.body.clone());
        // What goes to an upload is added to what came before, or ends it: that happens once.
        let is_upload = self.topic != "manifests" && matches!(method, Method::PUT | Method::PATCH);
        let is_repeatable = !is_upload;
        Wire { method, url, headers, body, is_repeatable }
    }
}

/// One request as it is sent.
pub(crate) struct Wire {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether it may be sent again where nobody knows what became of it.
    pub(crate) is_repeatable: bool,
}

impl Wire {
    pub(crate) fn get(url: Url) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method: Method::GET, url, headers, body, is_repeatable: true }
    }
}
