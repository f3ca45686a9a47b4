//! Why a registry cannot be reached, told in classes.

use entrepot_remote::{Error, NetworkFaultKind as Kind, RemoteSettings, TlsFault};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    support::{Server, answer, latest, manifest, remote, repository, url},
    tls::certificate,
};

async fn fault(settings: &RemoteSettings) -> (Kind, String) {
    let failed = remote(settings).manifest(&repository(), &latest()).await;
    let Err(error @ Error::Unreachable { .. }) = failed else { panic!("{failed:?}") };
    let Error::Unreachable { fault, .. } = &error else { panic!() };
    assert!(error.hint().is_some_and(|hint| !hint.is_empty()));
    assert!(error.whole().starts_with("not reachable: ") && !error.reason().ends_with("()"), "{error:?}");
    (fault.kind(), error.whole())
}

fn at(endpoint: &str) -> RemoteSettings {
    RemoteSettings { endpoints: vec![url(endpoint)], ..RemoteSettings::default() }
}

// A server that reads something, answers with `bytes` and hangs up.
async fn saying(scheme: &str, bytes: &'static [u8]) -> RemoteSettings {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("{scheme}://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    at(&endpoint)
}

// U28
#[tokio::test]
async fn each_reason_has_its_class() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(fault(&at(&format!("http://{gone}"))).await.0, Kind::Refused);
    // RFC 6761 §6.4: it never exists.
    assert_eq!(fault(&at("http://registry.invalid")).await.0, Kind::Dns);
    assert_eq!(fault(&saying("http", b"").await).await.0, Kind::Closed);
    assert_eq!(fault(&saying("https", b"").await).await.0, Kind::Tls(TlsFault::Closed));
    assert_eq!(fault(&saying("http", b"SSH-2.0-OpenSSH_9.2\r\n").await).await.0, Kind::NotHttp);
    // A TLS alert, as servers answer a request without TLS.
    assert_eq!(fault(&saying("http", &[0x15, 3, 3, 0, 2, 2, 70]).await).await.0, Kind::NotHttp);
}

// U28
#[tokio::test]
async fn the_wrong_protocol_is_named() {
    let plain = Server::start(|_| manifest()).await;
    assert_eq!(fault(&at(&format!("https://{}", plain.address))).await.0, Kind::PlainHttp);
    for body in [
        "Client sent an HTTP request to an HTTPS server.\n",
        "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>",
    ] {
        let server = Server::start(move |_| answer(400, &[], body)).await;
        assert_eq!(fault(&server.settings()).await.0, Kind::NeedsTls, "{body}");
    }
    let (tls, _) = certificate(&[b"http/1.1"]);
    let server = Server::start_tls(tls, |_| manifest()).await;
    let (kind, whole) = fault(&server.settings()).await;
    assert_eq!(kind, Kind::Tls(TlsFault::Issuer), "{whole}");
}

// U28: a registry that says nothing but its status.
#[tokio::test]
async fn a_refusal_without_words_is_told_by_its_status() {
    let server = Server::start(|_| answer(403, &[], "")).await;
    let refused = server.remote().manifest(&repository(), &latest()).await.unwrap_err();
    assert_eq!(refused.to_string(), "refused with status 403");
}
