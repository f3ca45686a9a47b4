//! A request as parsed by the registry.

use entrepot_oci as oci;
use http::{HeaderMap, Method, request::Parts};

/// The kind of resource that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// `/v2/`
    Ping,
    /// `/v2/<name>/manifests/<reference>`
    Manifest,
    /// `/v2/<name>/blobs/<digest>`
    Blob,
    /// `/v2/<name>/tags/list` and `/v2/_catalog`
    Tags,
    /// `/v2/<name>/referrers/<digest>`
    Referrers,
    /// `/v2/<name>/blobs/uploads/…`
    Upload,
    /// `/token`
    Token,
    /// Anything else.
    Other,
}

/// A request without its body.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) kind: ResourceKind,
    pub(crate) route: Result<oci::Route, oci::RouteError>,
}

impl Call {
    pub(crate) fn new(parts: &Parts) -> Self {
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let route = route(&parts.method, &path, &query);
        Self {
            method: parts.method.clone(),
            kind: kind(&path, &route),
            path,
            query,
            headers: parts.headers.clone(),
            route,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn path_and_query(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// The value of `key` in the query.
    pub(crate) fn query(&self, key: &str) -> Option<String> {
        values(&self.query, key).next()
    }

    /// The digest the path ends with.
    pub(crate) fn digest(&self) -> Option<oci::Digest> {
        self.path.rsplit('/').next()?.replace("%3A", ":").parse().ok()
    }

    /// The tag of a request for a manifest.
    pub(crate) fn tag(&self) -> Option<&str> {
        match &self.route {
            Ok(oci::Route::Manifest { reference: oci::Reference::Tag(tag), .. }) => Some(tag.as_str()),
            _ => None,
        }
    }

    pub(crate) fn is_read(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }
}

/// The values of `key` in a query or a form, decoded.
pub(crate) fn values(query: &str, key: &str) -> impl Iterator<Item = String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(move |(name, _)| *name == key).map(|(_, value)| {
        percent_encoding::percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned()
    })
}

fn route(method: &Method, path: &str, query: &str) -> Result<oci::Route, oci::RouteError> {
    let method = match *method {
        Method::GET => oci::Method::Get,
        Method::HEAD => oci::Method::Head,
        Method::POST => oci::Method::Post,
        Method::PUT => oci::Method::Put,
        Method::PATCH => oci::Method::Patch,
        Method::DELETE => oci::Method::Delete,
        _ => return Err(oci::RouteError::Method("GET, HEAD, POST, PUT, PATCH, DELETE")),
    };
    oci::Route::parse(method, path, query)
}

fn kind(path: &str, route: &Result<oci::Route, oci::RouteError>) -> ResourceKind {
    match route {
        Ok(oci::Route::Ping) => ResourceKind::Ping,
        Ok(oci::Route::Manifest { .. }) => ResourceKind::Manifest,
        Ok(oci::Route::Blob { .. }) => ResourceKind::Blob,
        Ok(oci::Route::Tags { .. }) => ResourceKind::Tags,
        Ok(oci::Route::Referrers { .. }) => ResourceKind::Referrers,
        Ok(oci::Route::Uploads { .. } | oci::Route::Upload { .. }) => ResourceKind::Upload,
        Err(_) if path == "/token" => ResourceKind::Token,
        Err(_) if path == "/v2/_catalog" => ResourceKind::Tags,
        Err(_) => ResourceKind::Other,
    }
}
