//! Tests of the router and connections: the runtimes in use, panics and upgrades.

use std::{path::Path, sync::Arc, time::Duration};

use axum::{Router, body::Body as RequestBody, extract::Request, routing::get};
use bytes::Bytes;
use entrepot_access::Networks;
use entrepot_mirror::Cut;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    runtime::Builder,
};

use super::{call::Caller, site::WebService};
use crate::{
    connection::Connections,
    host::Hosts,
    ids::RequestId,
    local::Local,
    origin::Front,
    patience::Patience,
    peer::{ListenerKind, Peer},
    sender::Sender,
    service::Service,
    state::{ServerState, ServerTerms},
    test_parts::parts,
};

const PATIENCE: Duration = Duration::from_secs(20);

fn caller() -> Caller {
    let id = RequestId::of(&http::HeaderMap::new());
    Caller { sender: Sender::accepted(entrepot_access::Principal::OWNER), address: None, host: None, id }
}

fn request(path: &str) -> Request {
    Request::get(path).body(RequestBody::empty()).unwrap()
}

#[test]
fn handlers_and_streams_run_on_the_shared_runtime() {
    let name = || std::thread::current().name().unwrap_or_default().to_owned();
    let streamed = move || stream::once(async move { Ok::<_, Cut>(Bytes::from(name())) });
    let router = Router::new()
        .route("/", get(async move || name()))
        .route("/stream", get(async move || RequestBody::from_stream(streamed())));
    let shared = Builder::new_multi_thread().thread_name("shared").enable_all().build().unwrap();
    let site = shared.block_on(async { WebService::of(router) });
    let here = Builder::new_current_thread().enable_all().build().unwrap();
    for path in ["/", "/stream"] {
        let answer = here.block_on(site.answer(request(path), caller())).unwrap();
        let body = here.block_on(answer.response.into_body().collect()).unwrap().to_bytes();
        assert_eq!(body, "shared", "{path}");
    }
}

#[tokio::test]
async fn panics_and_broken_streams_are_told() {
    let broken = || stream::iter([Ok(Bytes::from_static(b"half")), Err(Cut)]);
    let fail = |()| -> Result<Bytes, Cut> { panic!("a fault that a test makes") };
    let fails = move || stream::iter([()]).map(fail);
    let router = Router::new()
        .route("/panic", get(async || -> StatusCode { panic!("a fault that a test makes") }))
        .route("/broken", get(async move || RequestBody::from_stream(broken())))
        .route("/fails", get(async move || RequestBody::from_stream(fails())));
    let site = WebService::of(router);
    let refusal = site.answer(request("/panic"), caller()).await.err().unwrap();
    assert_eq!(refusal.status, 500);
    for path in ["/broken", "/fails"] {
        let answer = site.answer(request(path), caller()).await.unwrap();
        assert_eq!(answer.response.into_body().collect().await.err(), Some(Cut), "{path}");
    }
}

/// Connections to a handler with a protocol of its own: it echoes its input.
async fn connections(data: &Path) -> Connections {
    let echo = async |request: Request| {
        let upgrade = hyper::upgrade::on(request);
        tokio::spawn(async move {
            let (mut from, mut to) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
            tokio::io::copy(&mut from, &mut to).await.unwrap();
        });
        (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "echo")])
    };
    let terms = ServerTerms {
        hosts: Hosts::of([127, 0, 0, 1].into(), vec![]),
        local: Local::new(true),
        patience: Patience::default(),
        front: Front { has_tls: false, proxies: Networks::default(), public_url: None },
        metrics_readers: Networks::default(),
        login_providers: Vec::new(),
    };
    let state = Arc::new(ServerState::new(parts(data).await, terms));
    Connections::new(Service::new(state, WebService::of(Router::new().route("/echo", get(echo)))), None)
}

async fn read_until(client: &mut DuplexStream, end: &str) -> String {
    let mut text = String::new();
    while !text.contains(end) {
        let mut buffer = [0; 1024];
        let read = tokio::time::timeout(PATIENCE, client.read(&mut buffer)).await.unwrap().unwrap();
        assert_ne!(read, 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

#[tokio::test]
async fn an_upgraded_connection_is_part_of_the_drain() {
    let data = tempfile::tempdir().unwrap();
    let connections = connections(data.path()).await;
    let (mut client, server) = tokio::io::duplex(64 << 10);
    let head = "GET /echo HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let serving = connections.serve(TokioIo::new(server), Peer::new(None, ListenerKind::Control, None));
    let (head, ()) = tokio::join!(read_until(&mut client, "\r\n\r\n"), serving);
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("x-request-id: "), "{head}");
    // HTTP has ended; the connection has not.
    connections.open.close();
    assert_eq!(connections.open.len(), 1);
    client.write_all(b"hello").await.unwrap();
    assert_eq!(read_until(&mut client, "hello").await, "hello");
    drop(client);
    tokio::time::timeout(PATIENCE, connections.open.wait()).await.unwrap();
}
