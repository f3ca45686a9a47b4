//! How bytes leave: by `sendfile` where they can, and equal on every way; and how connections end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use entrepot_oci::Digest;
use entrepot_testkit::{Action, Fault, Gate, Match, TestImage, client, until};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use support::{
    Rig, Setup, noise,
    tls::{certificate, connector},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const LARGE: usize = 64 << 20;

fn request(host: &str, path: &str, range: Option<&str>) -> Request<Empty<Bytes>> {
    let mut request = Request::get(path).header(header::HOST, host);
    if let Some(range) = range {
        request = request.header(header::RANGE, range);
    }
    request.body(Empty::new()).unwrap()
}

async fn large(rig: &Rig) -> (Bytes, String) {
    let bytes = noise(7, LARGE);
    let digest = rig.push_blob("local/big", bytes.clone()).await;
    (bytes, format!("/v2/local/big/blobs/{digest}"))
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn a_large_blob_leaves_by_sendfile() {
    let rig = Rig::start().await;
    let (bytes, path) = large(&rig).await;
    assert_eq!(rig.metrics.sendfile_bytes(), 0);
    let stream = TcpStream::connect(rig.address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    // One connection: the whole, a range across slices, a small answer between, and the whole again.
    for (range, part) in [
        (None, 0..LARGE),
        (Some("bytes=1048570-3145740"), 1_048_570..3_145_741),
        (Some("bytes=-5"), LARGE - 5..LARGE),
        (None, 0..LARGE),
    ] {
        let before = rig.metrics.sendfile_bytes();
        sender.ready().await.unwrap();
        let response = sender.send_request(request("x", &path, range)).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(Digest::of(&body), Digest::of(&bytes[part]));
        sender.ready().await.unwrap();
        let ping = sender.send_request(request("x", "/v2/", None)).await.unwrap();
        assert_eq!(ping.into_body().collect().await.unwrap().to_bytes(), "{}");
        // The bytes are here before they are counted; what is answered after them is not.
        assert_eq!(rig.metrics.sendfile_bytes() - before, body.len() as u64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_gives_equal_bytes() {
    let rig = Rig::start().await;
    let (bytes, path) = large(&rig).await;
    let stream = TcpStream::connect(rig.address).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(1 << 20).initial_connection_window_size(4 << 20);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(rig.url(&path)).body(Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_LENGTH], LARGE.to_string());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(Digest::of(&body), Digest::of(&bytes));
    assert_eq!(rig.metrics.sendfile_bytes(), 0);
}

async fn over_tls(
    rig: &Rig,
    connector: &TlsConnector,
    name: &'static str,
    path: &str,
) -> std::io::Result<(StatusCode, Bytes)> {
    let stream = TcpStream::connect(rig.address).await.unwrap();
    let stream = connector.connect(name.try_into().unwrap(), stream).await?;
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let (head, body) = if is_h2 {
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get(format!("https://{name}{path}")).body(Empty::<Bytes>::new()).unwrap();
        sender.send_request(request).await.unwrap().into_parts()
    } else {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request(name, path, None)).await.unwrap().into_parts()
    };
    Ok((head.status, body.collect().await.unwrap().to_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_gives_equal_bytes_and_new_certificates_need_no_restart() {
    let directory = tempfile::tempdir().unwrap();
    let files = certificate(directory.path(), "one.test");
    let rig = Rig::start_with(Setup { tls: Some(files.clone()), ..Setup::default() }).await;
    let bytes = noise(3, 5 << 20);
    let image = TestImage::layers([bytes.clone()]);
    rig.upstream.put_image("library/a", "1", &image);
    let path = format!("/v2/library/a/blobs/{}", Digest::of(&bytes));
    for alpn in [&b"http/1.1"[..], b"h2"] {
        let connector = connector(&files.cert, alpn);
        let (status, body) = over_tls(&rig, &connector, "one.test", &path).await.unwrap();
        assert_eq!((status, Digest::of(&body)), (StatusCode::OK, Digest::of(&bytes)));
    }
    assert_eq!(rig.metrics.sendfile_bytes(), 0);

    certificate(directory.path(), "two.test");
    rig.server.reload();
    let two = connector(&files.cert, b"h2");
    assert_eq!(over_tls(&rig, &two, "two.test", "/v2/").await.unwrap().0, StatusCode::OK);

    // A pair that is none is not taken.
    std::fs::write(&files.key, "not a key").unwrap();
    rig.server.reload();
    assert_eq!(over_tls(&rig, &two, "two.test", "/v2/").await.unwrap().0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_at_a_tls_port_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let files = certificate(directory.path(), "one.test");
    let rig = Rig::start_with(Setup { tls: Some(files.clone()), ..Setup::default() }).await;
    let body = "x".repeat(20_000);
    let push = format!(
        "PUT /v2/local/a/manifests/1 HTTP/1.1\r\nhost: one.test\r\ncontent-length: 20000\r\n\r\n{body}"
    );
    for request in ["GET /v2/ HTTP/1.1\r\nhost: one.test\r\n\r\n", push.as_str()] {
        let answer = rig.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("this port speaks TLS; hint: use `https://`"), "{answer}");
    }
    let connector = connector(&files.cert, b"http/1.1");
    assert_eq!(over_tls(&rig, &connector, "one.test", "/v2/").await.unwrap().0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_growing_blob_streams_while_it_grows() {
    let rig = Rig::start().await;
    let layer = noise(11, 6 << 20);
    let image = TestImage::layers([layer.clone()]);
    rig.upstream.put_image("library/a", "1", &image);
    let digest = Digest::of(&layer);
    let gate = Gate::new();
    rig.upstream.fault(
        Fault::on(Match::blobs().digest(&digest)).always().then(Action::GateAfter(2 << 20, gate.clone())),
    );
    let url = rig.url(&format!("/v2/library/a/blobs/{digest}"));
    let mut streaming = client::get_streaming(&url).await;
    assert_eq!(streaming.headers[header::CONTENT_LENGTH], layer.len().to_string());
    let first = streaming.read(1 << 20).await;
    assert_eq!(first, layer[..first.len()]);
    gate.open();
    let rest = streaming.rest().await;
    assert!(!rest.truncated);
    assert_eq!([first, rest.body].concat(), layer);
    // What has been written is sent by the kernel too; the bytes are here before they are counted.
    #[cfg(target_os = "linux")]
    until("the count of them", || (rig.metrics.sendfile_bytes() == layer.len() as u64).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_finishes_what_runs_and_takes_nothing_new() {
    let rig = Rig::start().await;
    let layer = noise(12, 6 << 20);
    let image = TestImage::layers([layer.clone()]);
    rig.upstream.put_image("library/a", "1", &image);
    let digest = Digest::of(&layer);
    let gate = Gate::new();
    rig.upstream.fault(
        Fault::on(Match::blobs().digest(&digest)).always().then(Action::GateAfter(2 << 20, gate.clone())),
    );
    // An HTTP/2 connection lives on while one of its streams does.
    let stream = TcpStream::connect(rig.address).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let get = |path: String| Request::get(rig.url(&path)).body(Empty::<Bytes>::new()).unwrap();
    let ready = sender.send_request(get("/readyz".into())).await.unwrap();
    assert_eq!(ready.status(), StatusCode::OK);
    let blob = sender.send_request(get(format!("/v2/library/a/blobs/{digest}"))).await.unwrap();
    // Two that are idle: one that was used, one that never said anything.
    let used = TcpStream::connect(rig.address).await.unwrap();
    let (mut idle, connection) = http1::handshake(TokioIo::new(used)).await.unwrap();
    let idle_ends = tokio::spawn(connection);
    let ping = idle.send_request(request("x", "/v2/", None)).await.unwrap();
    ping.into_body().collect().await.unwrap();
    let silent = TcpStream::connect(rig.address).await.unwrap();
    rig.stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), idle_ends).await.unwrap().unwrap().unwrap();
    tokio::time::timeout(Duration::from_secs(10), silent.readable()).await.unwrap().unwrap();
    assert!(TcpStream::connect(rig.address).await.is_err());
    assert!(!rig.running.is_finished());
    gate.open();
    let body = blob.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(Digest::of(&body), digest);
    drop(sender);
    rig.running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_does_not_wait_forever() {
    let rig = Rig::start().await;
    let layer = noise(13, 6 << 20);
    rig.upstream.put_image("library/a", "1", &TestImage::layers([layer.clone()]));
    let digest = Digest::of(&layer);
    let fault = Fault::on(Match::blobs().digest(&digest)).always();
    rig.upstream.fault(fault.then(Action::GateAfter(2 << 20, Gate::new())));
    let streaming = client::get_streaming(&rig.url(&format!("/v2/library/a/blobs/{digest}"))).await;
    let began = Instant::now();
    rig.stop.cancel();
    rig.running.await.unwrap();
    assert!(began.elapsed() >= support::GRACE);
    assert!(streaming.rest().await.truncated);
}
