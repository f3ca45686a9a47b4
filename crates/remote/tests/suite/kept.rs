//! Connections that were kept, and that a load balancer has forgotten meanwhile.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use entrepot_oci::Digest;
use entrepot_remote::{Error, NetworkFaultKind, Remote, RemoteSettings, RequestOutcome, UploadBody};
use futures_util::future::join_all;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Barrier, Notify},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    support::{INDEX, MANIFEST, Server, latest, manifest, remote, repository, url},
    tls::certificate,
};

/// As a cloud's load balancer: a connection from before it forgot is reset as soon as something is asked on it.
#[derive(Clone, Default)]
struct Balancer {
    forgotten: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    resets: Arc<AtomicUsize>,
}

impl Balancer {
    async fn start(at_once: usize) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (balancer, all_there) = (Self::default(), Arc::new(Barrier::new(at_once)));
        let accepting = balancer.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (balancer, all_there) = (accepting.clone(), Arc::clone(&all_there));
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                // Whoever leaves in the middle is none of the test's business.
                tokio::spawn(async move { balancer.serve(stream, &all_there).await });
            }
        });
        (balancer, format!("http://{address}"))
    }

    fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
    }

    fn resets(&self) -> usize {
        self.resets.load(Ordering::SeqCst)
    }

    async fn serve(&self, mut stream: TcpStream, all_there: &Barrier) -> io::Result<()> {
        let born = self.forgotten.load(Ordering::SeqCst);
        while let Some(head) = head(&mut stream).await? {
            if born != self.forgotten.load(Ordering::SeqCst) {
                self.resets.fetch_add(1, Ordering::SeqCst);
                return stream.set_zero_linger();
            }
            // The first requests wait for each other, so that each has a connection.
            if born == 0 && head.starts_with("GET") {
                all_there.wait().await;
            }
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length = length.map_or(0, |length| length.parse().unwrap());
            stream.read_exact(&mut vec![0; length]).await?;
            let (status, headers, body) = match head.split(' ').next().unwrap() {
                "POST" => (202, "location: /v2/team/app/blobs/uploads/1\r\n".to_owned(), ""),
                "PUT" => (201, String::new(), ""),
                _ => (200, format!("content-type: {INDEX}\r\n"), MANIFEST),
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await?;
        }
        Ok(())
    }
}

async fn head(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    Ok(Some(String::from_utf8(head).unwrap()))
}

async fn fill(remote: &Remote, count: usize) {
    let (repository, latest) = (repository(), latest());
    let all = join_all((0..count).map(|_| remote.manifest(&repository, &latest))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
}

// U27
#[tokio::test]
async fn connections_that_were_forgotten_cost_nobody_an_answer() {
    const KEPT: usize = 12;
    let (balancer, endpoint) = Balancer::start(KEPT).await;
    let other = Server::start(|_| manifest()).await;
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&outcomes);
    let endpoints = vec![url(&endpoint), url(&other.url())];
    let remote = remote(&RemoteSettings { endpoints, ..RemoteSettings::default() })
        .on_request(Arc::new(move |_, outcome| log.lock().unwrap().push(outcome)));
    fill(&remote, KEPT).await;
    assert_eq!(balancer.connections.load(Ordering::SeqCst), KEPT);
    balancer.forget();
    for _ in 0..15 {
        remote.manifest(&repository(), &latest()).await.unwrap();
    }
    // The first that is dead takes the others with it, and the other endpoint is not needed.
    assert_eq!((balancer.resets(), other.count()), (1, 0));
    assert!(outcomes.lock().unwrap().iter().all(|outcome| *outcome == RequestOutcome::Ok));
}

// U27: all at once.
#[tokio::test]
async fn whoever_meets_a_dead_connection_is_answered_on_a_new_one() {
    let (balancer, endpoint) = Balancer::start(12).await;
    let remote = remote(&RemoteSettings { endpoints: vec![url(&endpoint)], ..RemoteSettings::default() });
    fill(&remote, 12).await;
    balancer.forget();
    fill(&remote, 12).await;
    assert!((1..=12).contains(&balancer.resets()), "{}", balancer.resets());
}

// U27
#[tokio::test]
async fn an_upload_is_sent_again_unless_its_bytes_are_gone() {
    let (balancer, endpoint) = Balancer::start(2).await;
    let remote = remote(&RemoteSettings { endpoints: vec![url(&endpoint)], ..RemoteSettings::default() });
    fill(&remote, 2).await;
    let blob = Bytes::from_static(b"blob");
    let digest = Digest::of(&blob);
    let upload = remote.start_upload(&repository()).await.unwrap();
    balancer.forget();
    upload.send(&digest, blob.clone().into()).await.unwrap();
    assert_eq!(balancer.resets(), 1);
    // A stream is the caller's to send again. The registry is not down for that.
    let stream = || UploadBody::stream(4, futures_util::stream::iter([Ok::<_, io::Error>(blob.clone())]));
    let upload = remote.start_upload(&repository()).await.unwrap();
    balancer.forget();
    let Err(Error::Unreachable { fault, .. }) = upload.send(&digest, stream()).await else { panic!() };
    assert_eq!(fault.kind(), NetworkFaultKind::KeptConnection);
    let upload = remote.start_upload(&repository()).await.unwrap();
    upload.send(&digest, stream()).await.unwrap();
}

// A registry that is really gone is told as such.
#[tokio::test]
async fn a_registry_that_always_hangs_up_is_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = head(&mut stream).await;
        }
    });
    let remote = remote(&RemoteSettings { endpoints: vec![url(&endpoint)], ..RemoteSettings::default() });
    let failed = remote.manifest(&repository(), &latest()).await;
    let Err(Error::Unreachable { fault, .. }) = failed else { panic!("{failed:?}") };
    assert_eq!((fault.kind(), connections.load(Ordering::SeqCst)), (NetworkFaultKind::Closed, 2));
}

// U27: HTTP/2, where all requests share one connection.
#[tokio::test]
async fn a_shared_connection_that_goes_away_costs_nobody_an_answer() {
    let (tls, ca) = certificate(&[b"h2"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let forgotten = Arc::new(AtomicUsize::new(0));
    tokio::spawn(accept(listener, tls, Arc::clone(&forgotten)));
    let settings = RemoteSettings {
        endpoints: vec![url(&endpoint)],
        ca: Some(ca.path().to_owned()),
        ..RemoteSettings::default()
    };
    let remote = remote(&settings);
    for _ in 0..3 {
        fill(&remote, 20).await;
        forgotten.fetch_add(1, Ordering::SeqCst);
    }
}

// A request on a connection from before is the end of that connection.
async fn accept(listener: TcpListener, tls: TlsAcceptor, forgotten: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, forgotten) = (tls.clone(), Arc::clone(&forgotten));
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let born = forgotten.load(Ordering::SeqCst);
            let service = service_fn(move |_: Request<Incoming>| {
                let is_dead = born != forgotten.load(Ordering::SeqCst);
                let answer = Response::builder().header("content-type", INDEX);
                let answer = answer.body(Full::new(Bytes::from_static(MANIFEST.as_bytes()))).unwrap();
                std::future::ready(if is_dead { Err(io::Error::other("gone")) } else { Ok(answer) })
            });
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

// U27: a registry that restarts says so, with a GOAWAY frame (RFC 9113 §6.8), in the middle of requests.
#[tokio::test]
async fn a_connection_that_is_closed_by_goaway_costs_nobody_an_answer() {
    const EACH: usize = 5;
    let (tls, ca) = certificate(&[b"h2"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(go_away_after(EACH, stream, tls.clone()));
        }
    });
    let settings = RemoteSettings {
        endpoints: vec![url(&endpoint)],
        ca: Some(ca.path().to_owned()),
        ..RemoteSettings::default()
    };
    let remote = remote(&settings);
    for _ in 0..6 {
        fill(&remote, 2 * EACH).await;
    }
    assert!(connections.load(Ordering::SeqCst) >= 6, "they were closed");
}

// Answers the requests of a connection, and says after some of them that it takes no more.
async fn go_away_after(requests: usize, stream: TcpStream, tls: TlsAcceptor) {
    let Ok(stream) = tls.accept(stream).await else { return };
    let (left, enough) = (AtomicUsize::new(requests), Arc::new(Notify::new()));
    let over = Arc::clone(&enough);
    let service = service_fn(move |_: Request<Incoming>| {
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            over.notify_one();
        }
        let answer = Response::builder().header("content-type", INDEX);
        let answer = answer.body(Full::new(Bytes::from_static(MANIFEST.as_bytes())));
        std::future::ready(answer.map_err(io::Error::other))
    });
    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = enough.notified() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
