//! One engine.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    endpoint::Endpoint,
    error::Error,
    json,
    transport::{self, BODY_TIMEOUT, EngineResponse, Wait},
    version::{self, EngineVersion, Product},
};

/// The most bytes of a document about one thing.
pub(crate) const MAX_DOCUMENT: usize = 4 << 20;
/// The most bytes of a list.
pub(crate) const MAX_LIST: usize = 32 << 20;

/// A container engine. Cheap to clone; each request has a connection of its own.
#[derive(Clone, Debug)]
pub struct Engine {
    endpoint: Endpoint,
    version: Arc<EngineVersion>,
}

/// The answer to a [`Engine::ping`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// The engine's clock in milliseconds since 1970, to the second.
    pub date_ms: Option<i64>,
}

/// Whose API a path belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// Docker's, which Podman speaks too.
    Docker,
    /// Podman's own.
    Libpod,
}

impl Engine {
    /// Asks the engine what it is, and decides which version of the API is spoken to it.
    ///
    /// # Errors
    /// It cannot be reached, is not trusted, or is too old.
    pub async fn connect(endpoint: Endpoint) -> Result<Self, Error> {
        let request = request(Method::GET, "/version", None)?;
        let answer = transport::send(&endpoint, request, Wait::SHORT).await?;
        let wire = json::read(&answer.body.whole(MAX_DOCUMENT, BODY_TIMEOUT).await?)?;
        Ok(Self { endpoint, version: Arc::new(version::negotiate(wire)?) })
    }

    /// Where it is reached.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What it is, as it said when it was connected to.
    pub fn version(&self) -> &EngineVersion {
        &self.version
    }

    /// Whether it answers at all.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<Pong, Error> {
        let answer = self.call(Method::GET, "_ping", Wait::SHORT).await?;
        let date_ms = answer.date_ms;
        answer.body.whole(MAX_DOCUMENT, BODY_TIMEOUT).await?;
        Ok(Pong { date_ms })
    }

    pub(crate) fn is_podman(&self) -> bool {
        self.version.product == Product::Podman
    }

    /// The address of `rest` in the version that is spoken.
    pub(crate) fn path(&self, api: Api, rest: &str) -> String {
        match (api, &self.version.libpod) {
            (Api::Libpod, Some(libpod)) => {
                let [major, minor, patch] = libpod.numbers();
                format!("/v{major}.{minor}.{patch}/libpod/{rest}")
            }
            _ => format!("/v{}/{rest}", self.version.api),
        }
    }

    /// Asks for a document of at most `most` bytes.
    pub(crate) async fn get<T: DeserializeOwned>(&self, rest: &str, most: usize) -> Result<T, Error> {
        let answer = self.call(Method::GET, rest, Wait::SHORT).await?;
        json::read(&answer.body.whole(most, BODY_TIMEOUT).await?)
    }

    /// Sends a request without a body.
    pub(crate) async fn call(&self, method: Method, rest: &str, wait: Wait) -> Result<EngineResponse, Error> {
        self.send(request(method, &self.path(Api::Docker, rest), None)?, wait).await
    }

    /// Sends a document, and reads the answer.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        document: &impl Serialize,
        patience: Duration,
    ) -> Result<T, Error> {
        let answer = self.send(posted(path, document)?, Wait::AtMost(patience)).await?;
        json::read(&answer.body.whole(MAX_DOCUMENT, BODY_TIMEOUT).await?)
    }

    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        wait: Wait,
    ) -> Result<EngineResponse, Error> {
        transport::send(&self.endpoint, request, wait).await
    }
}

/// A `POST` of a document.
pub(crate) fn posted(path: &str, document: &impl Serialize) -> Result<Request<Full<Bytes>>, Error> {
    let body = serde_json::to_vec(document).map_err(|_| Error::Answer("the request cannot be written"))?;
    request(Method::POST, path, Some(body.into()))
}

/// A request with a JSON body, or none.
pub(crate) fn request(
    method: Method,
    path: &str,
    body: Option<Bytes>,
) -> Result<Request<Full<Bytes>>, Error> {
    let mut builder = Request::builder().method(method).uri(transport::uri(path)?);
    if body.is_some() {
        builder = builder.header(header::CONTENT_TYPE, "application/json");
    }
    let request = builder.body(Full::new(body.unwrap_or_default()));
    request.map_err(|_| Error::Answer("the request cannot be written"))
}

/// `path?name=value&…`
pub(crate) fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    format!("{path}?{}", query.finish())
}
