//! A small HTTP/1.1 client for tests: a verified pull, and responses that can be examined while they arrive.
//!
//! It uses one connection per request, follows no redirects, and keeps the received part of a truncated body.

use std::collections::{BTreeMap, btree_map::Entry};

use bytes::{Bytes, BytesMut};
use entrepot_oci::{Digest, Manifest, MediaType, Reference};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinHandle};

/// Why there was no response.
#[derive(Debug)]
pub enum ClientError {
    /// The connection was refused.
    Connect(std::io::Error),
    /// The connection broke before the response headers.
    Broken(hyper::Error),
}

/// A response, complete or truncated.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The received body.
    pub body: Bytes,
    /// True if the body was truncated.
    pub truncated: bool,
}

impl Response {
    /// A header's value, if it is there and readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A response whose headers have arrived. Dropping it closes the connection.
#[derive(Debug)]
pub struct Streaming {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    connection: Connection,
}

#[derive(Debug)]
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Streaming {
    /// The next piece of the body, `None` at the end, an error where it broke off.
    pub async fn next(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            match self.body.frame().await? {
                Ok(frame) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Some(Ok(data)),
                    _ => {}
                },
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Reads until at least `count` bytes have come, or the body ends or breaks off.
    pub async fn read(&mut self, count: usize) -> Bytes {
        let mut read = BytesMut::new();
        while read.len() < count {
            let Some(Ok(piece)) = self.next().await else { break };
            read.extend_from_slice(&piece);
        }
        read.freeze()
    }

    /// Reads the rest.
    pub async fn rest(mut self) -> Response {
        let (mut read, mut truncated) = (BytesMut::new(), false);
        while let Some(piece) = self.next().await {
            match piece {
                Ok(piece) => read.extend_from_slice(&piece),
                Err(_) => truncated = true,
            }
        }
        drop(self.connection);
        Response { status: self.status, headers: self.headers, body: read.freeze(), truncated }
    }
}

/// `GET`, with the whole body.
pub async fn get(url: &str) -> Response {
    get_with(url, &[]).await
}

/// `GET` with these headers.
pub async fn get_with(url: &str, headers: &[(&str, &str)]) -> Response {
    request(Method::GET, url, headers, Bytes::new()).await
}

/// `HEAD`.
pub async fn head(url: &str) -> Response {
    request(Method::HEAD, url, &[], Bytes::new()).await
}

/// `GET` up to the headers; the body is read from what is returned.
pub async fn get_streaming(url: &str) -> Streaming {
    try_streaming(Method::GET, url, &[], Bytes::new()).await.unwrap()
}

/// Any request; panics if there is no response.
pub async fn request(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Response {
    try_request(method, url, headers, body).await.unwrap()
}

/// Like [`request`], without panicking.
///
/// # Errors
/// There was no response: see [`ClientError`].
pub async fn try_request(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Result<Response, ClientError> {
    Ok(try_streaming(method, url, headers, body).await?.rest().await)
}

/// Any request, up to the response headers. A `Host` in `headers` replaces the URL's.
///
/// # Errors
/// There was no response: see [`ClientError`].
pub async fn try_streaming(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Result<Streaming, ClientError> {
    let uri: Uri = url.parse().unwrap();
    assert_eq!(uri.scheme_str(), Some("http"), "only http:// is spoken here: {url}");
    let authority = uri.authority().unwrap();
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await;
    let stream = stream.map_err(ClientError::Connect)?;
    let path = uri.path_and_query().map_or("/", |both| both.as_str());
    let mut request = http::Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request = request.header(header::HOST, authority.as_str());
    }
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(Full::new(body.into())).unwrap();
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(ClientError::Broken)?;
    let connection = Connection(tokio::spawn(async {
        // Failures show in the body or in the missing response.
        drop(connection.await);
    }));
    let (parts, body) = sender.send_request(request).await.map_err(ClientError::Broken)?.into_parts();
    Ok(Streaming { status: parts.status, headers: parts.headers, body, connection })
}

/// The verified result of a pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PulledImage {
    /// The digest of the root manifest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// All manifests with their sizes, including the root.
    pub manifests: BTreeMap<Digest, u64>,
    /// All blobs with their sizes.
    pub blobs: BTreeMap<Digest, u64>,
    /// Total size of all manifests and blobs in bytes.
    pub bytes: u64,
}

/// Why a pull failed.
#[derive(Debug)]
pub enum PullError {
    /// No response.
    Client(ClientError),
    /// A status other than 200.
    Status(String, Box<Response>),
    /// The body of this URL was truncated.
    Truncated(String),
    /// The bytes at this URL do not match the digest.
    WrongBytes(String),
    /// The content at this URL is not a manifest.
    NotAManifest(String, String),
}

/// Pulls an image by tag or digest with everything it references, for all platforms, and verifies every byte. Panics
/// on failure.
pub async fn pull(base_url: &str, name: &str, reference: &str) -> PulledImage {
    try_pull(base_url, name, reference).await.unwrap_or_else(|error| panic!("{name}:{reference}: {error:?}"))
}

/// Like [`pull`], without panicking.
///
/// # Errors
/// The first failure.
pub async fn try_pull(base_url: &str, name: &str, reference: &str) -> Result<PulledImage, PullError> {
    let base = format!("{}/v2/{name}", base_url.trim_end_matches('/'));
    let url = format!("{base}/manifests/{reference}");
    let wanted = match reference.parse().unwrap() {
        Reference::Digest(digest) => Some(digest),
        Reference::Tag(_) => None,
    };
    let (digest, media_type, manifest, size) = fetch_manifest(&url, wanted).await?;
    let mut pulled =
        PulledImage { digest, media_type, manifests: BTreeMap::new(), blobs: BTreeMap::new(), bytes: 0 };
    pulled.manifests.insert(digest, size);
    let mut waiting = vec![manifest];
    while let Some(manifest) = waiting.pop() {
        for blob in manifest.blobs().filter(|blob| !blob.is_foreign()) {
            if let Entry::Vacant(place) = pulled.blobs.entry(blob.digest) {
                let url = format!("{base}/blobs/{}", blob.digest);
                let body = fetch(&url, Some(blob.digest)).await?.body;
                place.insert(body.len() as u64);
            }
        }
        for child in manifest.manifests() {
            if let Entry::Vacant(place) = pulled.manifests.entry(child.digest) {
                let url = format!("{base}/manifests/{}", child.digest);
                let (_, _, manifest, size) = fetch_manifest(&url, Some(child.digest)).await?;
                place.insert(size);
                waiting.push(manifest);
            }
        }
    }
    pulled.bytes = pulled.manifests.values().chain(pulled.blobs.values()).sum();
    Ok(pulled)
}

async fn fetch_manifest(
    url: &str,
    wanted: Option<Digest>,
) -> Result<(Digest, MediaType, Manifest, u64), PullError> {
    let response = fetch(url, wanted).await?;
    let declared = response.header("content-type").and_then(MediaType::parse);
    let manifest = Manifest::parse(&response.body, declared.as_ref())
        .map_err(|error| PullError::NotAManifest(url.to_owned(), error.to_string()))?;
    let digest = wanted.unwrap_or_else(|| Digest::of(&response.body));
    let said = response.header("docker-content-digest");
    if said.is_some_and(|said| said != digest.to_string()) {
        return Err(PullError::WrongBytes(url.to_owned()));
    }
    Ok((digest, manifest.media_type().clone(), manifest, response.body.len() as u64))
}

async fn fetch(url: &str, wanted: Option<Digest>) -> Result<Response, PullError> {
    let accept = [("accept", MediaType::ACCEPT)];
    let response = try_request(Method::GET, url, &accept, Bytes::new()).await.map_err(PullError::Client)?;
    if response.status != StatusCode::OK {
        return Err(PullError::Status(url.to_owned(), Box::new(response)));
    }
    if response.truncated {
        return Err(PullError::Truncated(url.to_owned()));
    }
    if wanted.is_some_and(|wanted| !wanted.matches(&response.body)) {
        return Err(PullError::WrongBytes(url.to_owned()));
    }
    Ok(response)
}
