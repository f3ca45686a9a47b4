//! The registry over HTTP/2 without TLS.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use bytes::Bytes;
use entrepot_testkit::{Action, Fault, Match, ResponseEnd, TestImage, TestRegistry};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

async fn connect(registry: &TestRegistry) -> http2::SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(registry.addr()).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn ask(sender: &mut http2::SendRequest<Empty<Bytes>>, url: &str) -> http::Response<Incoming> {
    sender.send_request(http::Request::get(url).body(Empty::new()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn serves_and_cuts() {
    let (registry, image) = (TestRegistry::start().await, TestImage::random(1, 1, 200_000));
    registry.put_image("app", "1", &image);
    let (digest, bytes) = &image.blobs()[1];
    let url = format!("{}/v2/app/blobs/{digest}", registry.url());
    let mut sender = connect(&registry).await;
    let answer = ask(&mut sender, &url).await;
    assert_eq!((answer.version(), answer.status().as_u16()), (http::Version::HTTP_2, 200));
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), bytes);
    for action in [Action::CutAfter(1000), Action::ResetAfter(1000), Action::WrongLength(1)] {
        registry.fault(Fault::on(Match::any()).then(action));
        assert!(ask(&mut sender, &url).await.into_body().collect().await.is_err());
        assert_eq!(registry.log().last().unwrap().end, ResponseEnd::Cut);
    }
    registry.fault(Fault::on(Match::any()).then(Action::UntilClose));
    assert_eq!(ask(&mut sender, &url).await.into_body().collect().await.unwrap().to_bytes(), bytes);
    let peers: std::collections::BTreeSet<_> = registry.log().iter().map(|request| request.peer).collect();
    assert_eq!(peers.len(), 1, "one connection throughout");
}
