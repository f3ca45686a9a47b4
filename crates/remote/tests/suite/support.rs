//! A scripted HTTP server on loopback that records its requests.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use entrepot_oci::{Reference, Repository};
use entrepot_remote::{Credential, Remote, RemoteSettings};
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use url::Url;

pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// One recorded request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// The path with its query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn authorization(&self) -> Option<&str> {
        self.header("authorization")
    }
}

type Script = Arc<dyn Fn(&Seen) -> Response<Body> + Send + Sync>;

/// A running server; it ends with the runtime of the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    scheme: &'static str,
    log: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Starts a server that responds to every request by `script`.
    pub(crate) async fn start(script: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static) -> Self {
        Self::start_with(Arc::new(script), None).await
    }

    /// Starts such a server with TLS.
    pub(crate) async fn start_tls(
        tls: TlsAcceptor,
        script: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(Arc::new(script), Some(tls)).await
    }

    async fn start_with(script: Script, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let scheme = if tls.is_some() { "https" } else { "http" };
        tokio::spawn(accept(listener, tls, script, Arc::clone(&log)));
        Self { address, scheme, log }
    }

    /// The server's address, by number.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The server's address, by name.
    pub(crate) fn named_url(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.address.port())
    }

    /// All requests so far.
    pub(crate) fn log(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.log().len()
    }

    pub(crate) fn settings(&self) -> RemoteSettings {
        RemoteSettings { endpoints: vec![self.url().parse().unwrap()], ..RemoteSettings::default() }
    }

    pub(crate) fn remote(&self) -> Remote {
        remote(&self.settings())
    }

    /// The registry whose name is this address.
    pub(crate) fn own(&self) -> Remote {
        Remote::new(self.address.to_string().parse().unwrap(), &self.settings()).unwrap()
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, script: Script, log: Arc<Mutex<Vec<Seen>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, script, log) = (tls.clone(), Arc::clone(&script), Arc::clone(&log));
        tokio::spawn(async move {
            match tls {
                None => serve(stream, script, log).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, script, log).await;
                    }
                }
            }
        });
    }
}

async fn serve<S>(stream: S, script: Script, log: Arc<Mutex<Vec<Seen>>>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let path = request.uri().path_and_query().unwrap().to_string();
        let seen = Seen { method: request.method().clone(), path, headers: request.headers().clone() };
        log.lock().unwrap().push(seen.clone());
        std::future::ready(Ok::<_, io::Error>(script(&seen)))
    });
    // A body that fails on purpose ends the connection with an error.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// The registry `lab.test`. Its accounts are for its first endpoint unless they name another.
pub(crate) fn remote(settings: &RemoteSettings) -> Remote {
    let mut settings = settings.clone();
    for credential in &mut settings.credentials {
        credential.endpoint = credential.endpoint.take().or_else(|| settings.endpoints.first().cloned());
    }
    Remote::new("lab.test".parse().unwrap(), &settings).unwrap()
}

pub(crate) fn credential(username: &str) -> Credential {
    Credential { username: username.to_owned(), password: "canary".into(), namespace: None, endpoint: None }
}

pub(crate) fn repository() -> Repository {
    "team/app".parse().unwrap()
}

pub(crate) fn latest() -> Reference {
    "latest".parse().unwrap()
}

pub(crate) fn url(text: &str) -> Url {
    text.parse().unwrap()
}

/// A response with these headers.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed();
    with_headers(status, headers, body)
}

/// A response whose body comes in pieces, of which the last may be an error.
pub(crate) fn pieces(
    status: u16,
    headers: &[(&str, &str)],
    body: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
) -> Response<Body> {
    with_headers(
        status,
        headers,
        http_body_util::BodyExt::boxed(StreamBody::new(body.map(|piece| piece.map(Frame::data)))),
    )
}

/// A response whose connection breaks after `half` of its body.
pub(crate) fn broken(headers: &[(&str, &str)], half: &'static [u8]) -> Response<Body> {
    let half = [Ok(Bytes::from_static(half)), Err(io::Error::other("broken"))];
    // The pause lets the first half be sent before the connection closes.
    let half = futures_util::stream::iter(half).then(|piece| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        piece
    });
    pieces(200, headers, half)
}

fn with_headers(status: u16, headers: &[(&str, &str)], body: Body) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body).unwrap()
}

/// A manifest and its media type.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const MANIFEST: &str = r#"{"schemaVersion":2,"manifests":[]}"#;

pub(crate) fn manifest() -> Response<Body> {
    answer(200, &[("content-type", INDEX)], MANIFEST)
}

/// The challenge for a token from `realm`.
pub(crate) fn challenge(realm: &str) -> Response<Body> {
    let header = format!(r#"Bearer realm="{realm}",service="lab",scope="repository:team/app:pull""#);
    answer(
        401,
        &[("www-authenticate", &header)],
        r#"{"errors":[{"code":"UNAUTHORIZED","message":"log in"}]}"#,
    )
}
