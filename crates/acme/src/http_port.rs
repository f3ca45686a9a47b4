//! The port where an ACME server asks by HTTP. Everybody else is sent to HTTPS.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::answers::Challenges;

/// Where the answers are (RFC 8555 §8.3).
const PATH: &str = "/.well-known/acme-challenge/";
/// How many connections are open at a time; each is for a few bytes.
const CONNECTIONS: usize = 256;
/// How long a client may take for its request, and a connection may be open.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause after a connection that could not be accepted.
const BACK_OFF: Duration = Duration::from_millis(100);

/// A bound port.
pub struct HttpPort {
    listener: TcpListener,
    challenges: Challenges,
    public_url: Url,
}

impl HttpPort {
    /// Binds `address`. Whatever is no challenge is redirected to `public_url`, with its own host name.
    ///
    /// # Errors
    /// The address is in use or not ours.
    pub async fn bind(address: &str, challenges: Challenges, public_url: Url) -> io::Result<Self> {
        // `:80` is every address of this machine.
        let every = address.strip_prefix(':').map(|port| format!("[::]:{port}"));
        let listener = TcpListener::bind(every.as_deref().unwrap_or(address)).await?;
        Ok(Self { listener, challenges, public_url })
    }

    /// The address.
    ///
    /// # Errors
    /// The system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop`.
    pub async fn serve(self, stop: CancellationToken) {
        let Self { listener, challenges, public_url } = self;
        let (places, target) = (Arc::new(Semaphore::new(CONNECTIONS)), Arc::new(public_url));
        let accept = async {
            loop {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let (challenges, target) = (challenges.clone(), Arc::clone(&target));
                        tokio::spawn(async move {
                            // Whoever is too slow is cut.
                            let _ = tokio::time::timeout(PATIENCE, talk(stream, challenges, target)).await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection to the port for ACME could not be accepted");
                        tokio::time::sleep(BACK_OFF).await;
                    }
                }
            }
        };
        tokio::select! {
            () = accept => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn talk(stream: TcpStream, challenges: Challenges, target: Arc<Url>) {
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let response = answer(request.uri(), request.headers(), &challenges, &target);
        async { Ok::<_, Infallible>(response) }
    });
    let mut connection = http1::Builder::new();
    connection.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false);
    // A client that breaks off is no news.
    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
}

fn answer(uri: &Uri, headers: &HeaderMap, challenges: &Challenges, target: &Url) -> Response<Full<Bytes>> {
    let Some(token) = uri.path().strip_prefix(PATH) else { return redirect(uri, headers, target) };
    match challenges.http(token) {
        Some(answer) => Response::new(Full::from(answer)),
        None => {
            let mut response = Response::new(Full::from("there is no such challenge\n"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

// With the host that the client asked for, since aliases have names of their own; its port is that of the public URL.
fn redirect(uri: &Uri, headers: &HeaderMap, target: &Url) -> Response<Full<Bytes>> {
    let mut location = target.clone();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.map(|host| host.rsplit_once(':').map_or(host, |(host, _)| host));
    if let Some(host) = host.filter(|host| is_below(host, target)) {
        // A name that is below a good one is good.
        let _ = location.set_host(Some(host));
    }
    location.set_path(uri.path());
    location.set_query(uri.query());
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    if let Ok(location) = location.as_str().parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

// Nobody is sent to a host that is not ours.
fn is_below(host: &str, target: &Url) -> bool {
    let ours = target.host_str().unwrap_or_default();
    host.to_ascii_lowercase().strip_suffix(ours).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn asked(path: &str, host: Option<&str>, challenges: &Challenges) -> Response<Full<Bytes>> {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(header::HOST, host.parse().unwrap());
        }
        answer(&path.parse().unwrap(), &headers, challenges, &"https://m.example.com:8443/".parse().unwrap())
    }

    #[tokio::test]
    async fn challenges_are_answered() {
        let challenges = Challenges::default();
        challenges.answer_http("token".to_owned(), "token.thumb".to_owned());
        let good = asked("/.well-known/acme-challenge/token", None, &challenges);
        assert_eq!(good.status(), StatusCode::OK);
        assert_eq!(good.into_body().collect().await.unwrap().to_bytes(), "token.thumb");
        for path in ["/.well-known/acme-challenge/other", "/.well-known/acme-challenge/"] {
            assert_eq!(asked(path, None, &challenges).status(), StatusCode::NOT_FOUND);
        }
    }

    #[test]
    fn everything_else_is_sent_to_https_and_nowhere_else() {
        let sent = |path, host| {
            let response = asked(path, host, &Challenges::default());
            assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
            response.headers()[header::LOCATION].to_str().unwrap().to_owned()
        };
        assert_eq!(sent("/v2/?a=b", None), "https://m.example.com:8443/v2/?a=b");
        assert_eq!(sent("/", Some("hub.m.example.com:80")), "https://hub.m.example.com:8443/");
        for other in [
            "evil.example",
            "evilm.example.com",
            "m.example.com.evil.example",
            "[::1]:80",
            "a/b.m.example.com",
        ] {
            assert_eq!(sent("/", Some(other)), "https://m.example.com:8443/", "{other}");
        }
        assert_eq!(sent("//evil.example/x", None), "https://m.example.com:8443//evil.example/x");
    }

    #[tokio::test]
    async fn the_port_answers_until_it_is_stopped() {
        let stop = CancellationToken::new();
        let url = "https://m.example.com/".parse().unwrap();
        let port = HttpPort::bind("127.0.0.1:0", Challenges::default(), url).await.unwrap();
        let address = port.local_addr().unwrap();
        let serving = tokio::spawn(port.serve(stop.clone()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET /v2/ HTTP/1.1\r\nhost: m.example.com\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, request).await.unwrap();
        let mut told = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut told).await.unwrap();
        assert!(
            told.starts_with("HTTP/1.1 308 ") && told.contains("location: https://m.example.com/v2/"),
            "{told}"
        );
        stop.cancel();
        serving.await.unwrap();
    }
}
