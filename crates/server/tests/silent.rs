//! Clients that ask and do not read: what they may hold (A06), and for how long (A21).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use entrepot_oci::{Digest, MediaType};
use entrepot_server::Patience;
use entrepot_testkit::{patiently, until};
use futures_util::future::join_all;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use support::{
    Rig, Setup, noise,
    tls::{certificate, connector},
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

/// More than the sockets of both sides take.
const LARGE: usize = 24 << 20;

/// Silence ends it at once; nothing else does.
fn hasty() -> Patience {
    let (soon, check) = (Duration::from_millis(100), Duration::from_millis(20));
    Patience { always: soon, while_full: soon, while_short: soon, check }
}

/// Only a shortage ends it.
fn hasty_when_short() -> Patience {
    Patience { always: Duration::from_secs(3600), while_short: Duration::from_secs(1), ..hasty() }
}

async fn large(rig: &Rig) -> String {
    let digest = rig.push_blob("local/big", noise(7, LARGE)).await;
    format!("/v2/local/big/blobs/{digest}")
}

/// Asks, reads nothing, and waits until it is cut.
async fn asks_and_is_cut(mut stream: impl AsyncWrite + Unpin, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    // Lines that mean nothing before a next request, which is never read.
    let cut = async {
        while stream.write_all(b"\r\n").await.is_ok() && stream.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    patiently("the client to be cut", cut).await;
}

// A21
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_cut() {
    let rig = Rig::start_with(Setup { patience: hasty(), ..Setup::default() }).await;
    let path = large(&rig).await;
    asks_and_is_cut(TcpStream::connect(rig.address).await.unwrap(), &path).await;
}

// A21
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_cut_over_tls_too() {
    let directory = tempfile::tempdir().unwrap();
    let files = certificate(directory.path(), "one.test");
    let rig =
        Rig::start_with(Setup { patience: hasty(), tls: Some(files.clone()), ..Setup::default() }).await;
    let bytes = noise(7, LARGE);
    let image = entrepot_testkit::TestImage::layers([bytes.clone()]);
    rig.upstream.put_image("library/a", "1", &image);
    let path = format!("/v2/library/a/blobs/{}", Digest::of(&bytes));
    let stream = TcpStream::connect(rig.address).await.unwrap();
    let name = "one.test".try_into().unwrap();
    let stream = connector(&files.cert, b"http/1.1").connect(name, stream).await.unwrap();
    asks_and_is_cut(stream, &path).await;
}

type Sender = http2::SendRequest<Empty<Bytes>>;

/// A client whose streams take so many bytes until it reads them.
async fn client(rig: &Rig, window: u32) -> (Sender, JoinHandle<()>) {
    let stream = TcpStream::connect(rig.address).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    (sender, tokio::spawn(async move { drop(connection.await) }))
}

async fn ask(rig: &Rig, sender: &Sender, path: &str) -> Response<Incoming> {
    sent(rig, sender, path).await.unwrap()
}

async fn sent(rig: &Rig, sender: &Sender, path: &str) -> hyper::Result<Response<Incoming>> {
    let request = Request::get(rig.url(path)).body(Empty::new()).unwrap();
    sender.clone().send_request(request).await
}

// A21: the line is free, but no window is open.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_opens_no_window_is_cut() {
    let rig = Rig::start_with(Setup { patience: hasty(), ..Setup::default() }).await;
    let path = large(&rig).await;
    let (sender, connection) = client(&rig, 1).await;
    let answer = ask(&rig, &sender, &path).await;
    assert_eq!(answer.status(), StatusCode::OK);
    connection.await.unwrap();
    assert!(answer.into_body().collect().await.is_err());
}

// A21: as little as it is.
#[tokio::test(flavor = "multi_thread")]
async fn neither_does_a_small_answer_keep_a_connection() {
    let rig = Rig::start_with(Setup { patience: hasty(), ..Setup::default() }).await;
    let digest = rig.push_blob("local/a", noise(1, 100)).await;
    let (sender, connection) = client(&rig, 0).await;
    let answer = ask(&rig, &sender, &format!("/v2/local/a/blobs/{digest}")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    connection.await.unwrap();
}

/// Pushes a subject with `count` referrers that make a large page; gives their address.
async fn referred(rig: &Rig, name: &str, count: usize) -> String {
    let config = rig.push_blob(name, "{}").await;
    let subject = Digest::of(name.as_bytes());
    for number in 0..count {
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST.as_str(),
            "artifactType": "a/b",
            "config": {"mediaType": "a/b", "digest": config.to_string(), "size": 2},
            "layers": [],
            "subject": {"mediaType": MediaType::OCI_MANIFEST.as_str(), "digest": subject.to_string(), "size": 1},
            "annotations": {"k": "v".repeat(15_000), "n": number.to_string()},
        });
        let bytes = manifest.to_string().into_bytes();
        let response =
            rig.push(name, &Digest::of(&bytes).to_string(), MediaType::OCI_MANIFEST.as_str(), &bytes).await;
        assert_eq!(response.status, 201);
    }
    format!("/v2/{name}/referrers/{subject}")
}

// A06
#[tokio::test(flavor = "multi_thread")]
async fn silent_clients_get_no_more_memory_than_there_is_for_them() {
    let rig = Rig::start_with(Setup { patience: hasty_when_short(), ..Setup::default() }).await;
    let (one, other) = (referred(&rig, "local/one", 40).await, referred(&rig, "local/other", 5).await);
    let budget = rig.mirror.budget();
    let before = budget.left();

    // Many clients of two answers hold two answers.
    let clients = join_all((0..20).map(|_| client(&rig, 1))).await;
    for (sender, _) in &clients {
        for path in [&one, &other] {
            assert_eq!(ask(&rig, sender, path).await.status(), StatusCode::OK);
        }
    }
    assert!(before - budget.left() < 2 << 20, "{}", before - budget.left());
    drop(clients);
    // Whoever reads has all of it.
    let whole = rig.get(&one).await;
    assert_eq!(whole.status, 200);
    assert!(whole.body.len() > 40 * 15_000);

    // Of one connection, as many as its share has room for; they are all the same bytes.
    let (sender, connection) = client(&rig, 1).await;
    let mut given = Vec::new();
    while let Ok(answer) = sent(&rig, &sender, &one).await {
        if answer.status() != StatusCode::OK {
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(answer.headers()[header::RETRY_AFTER], "5");
            break;
        }
        given.push(answer);
    }
    assert!((20..=35).contains(&given.len()), "{} were given", given.len());
    assert!(before - budget.left() < 2 << 20, "{}", before - budget.left());

    // It is in the way, and takes nothing: it is cut, and what it held is free.
    connection.await.unwrap();
    drop(given);
    until("what it held to be free", || (budget.left() >= before).then_some(())).await;
}

// A06: what is pushed and not finished is held too.
#[tokio::test(flavor = "multi_thread")]
async fn unfinished_manifests_get_no_more_memory_than_there_is_for_them() {
    let rig = Rig::start().await;
    let budget = rig.mirror.budget();
    let mut open = Vec::new();
    let head = "PUT /v2/local/a/manifests/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n";
    for _ in 0..20 {
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server may have refused it before all was sent.
        let _ = stream.write_all(&vec![b' '; 100_000]).await;
        open.push(stream);
    }
    until("the memory to be taken", || (budget.left() <= 4 << 20).then_some(())).await;
    let digest = rig.push_blob("local/a", "{}").await;
    assert_eq!(rig.get(&format!("/v2/local/a/blobs/{digest}")).await.status, 200);
    let before = budget.left();
    drop(open);
    until("the memory to be free", || (budget.left() > before).then_some(())).await;
}
