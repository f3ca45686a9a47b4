//! Connections: sockets, TLS, and what is wrong with them.

use entrepot_engine::{Endpoint, Engine, EngineVersion, Error, LinkFault, Product, Tls, TlsFault};
use entrepot_testkit::{
    engine::{Dialect, EngineFault, Misbehaviour, TestCertificates, TestEngine},
    patiently,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixListener,
};

use crate::common::{connected, started};

fn tls(certificates: &TestCertificates) -> Tls {
    let key = certificates.key.clone().into();
    Tls::from_pem(&certificates.authority, &certificates.certificate, &key).unwrap()
}

async fn connect(fake: &TestEngine, tls: Tls) -> Result<Engine, Error> {
    Engine::connect(Endpoint::new(fake.address().parse().unwrap(), Some(tls)).unwrap()).await
}

#[tokio::test]
async fn every_engine_is_known_by_what_it_says() {
    for (dialect, product, api) in [
        (Dialect::Docker20, Product::Docker, "1.41"),
        (Dialect::Docker28, Product::Docker, "1.51"),
        (Dialect::Podman4, Product::Podman, "1.41"),
        (Dialect::Podman5, Product::Podman, "1.44"),
    ] {
        let (fake, engine) = started(dialect).await;
        let EngineVersion { product: found, api: spoken, release, architecture, .. } =
            engine.version().clone();
        assert_eq!((found, spoken.to_string().as_str(), architecture.as_str()), (product, api, "amd64"));
        assert_eq!(release.to_string(), dialect.release());
        let pong = engine.ping().await.unwrap();
        assert!(pong.date_ms.is_some_and(|ms| ms > 1_700_000_000_000));
        let calls = fake.calls();
        let versions: Vec<&str> = calls.iter().map(|call| call.version.as_str()).collect();
        assert_eq!(versions, ["", api], "{dialect:?}");
    }
}

#[tokio::test]
async fn both_sides_of_tls_show_who_they_are() {
    let certificates = TestCertificates::new();
    let fake = TestEngine::start_with_tls(Dialect::Docker28, &certificates).await;
    let engine = connect(&fake, tls(&certificates)).await.unwrap();
    engine.ping().await.unwrap();
    assert!(engine.endpoint().tls().unwrap().ends_ms() > 1_700_000_000_000);
}

#[tokio::test]
async fn what_is_wrong_with_tls_is_said() {
    let (ours, others) = (TestCertificates::new(), TestCertificates::new());
    let fake = TestEngine::start_with_tls(Dialect::Docker28, &ours).await;
    // The engine's authority is not the one that was given for it.
    assert_eq!(connect(&fake, tls(&others)).await.unwrap_err(), Error::Tls(TlsFault::Issuer));
    // Its authority is, and ours is not one that it knows.
    let mut mixed = others;
    mixed.authority.clone_from(&ours.authority);
    assert_eq!(connect(&fake, tls(&mixed)).await.unwrap_err(), Error::Tls(TlsFault::Client));
    // Its name is another one.
    let elsewhere = TestCertificates::for_server("elsewhere.example");
    let fake = TestEngine::start_with_tls(Dialect::Docker28, &elsewhere).await;
    assert_eq!(connect(&fake, tls(&elsewhere)).await.unwrap_err(), Error::Tls(TlsFault::Name));
    // It does not speak TLS at all.
    let fake = TestEngine::start_on_loopback(Dialect::Docker28).await;
    assert_eq!(connect(&fake, tls(&ours)).await.unwrap_err(), Error::Tls(TlsFault::PlainHttp));
}

// Podman closes the connection where it does not accept a certificate.
#[tokio::test]
async fn a_connection_that_is_closed_over_tls_may_be_a_refused_certificate() {
    let certificates = TestCertificates::new();
    let fake = TestEngine::start_with_tls(Dialect::Podman5, &certificates).await;
    fake.fault(EngineFault::on("GET", "version", Misbehaviour::Hangup));
    let error = connect(&fake, tls(&certificates)).await.unwrap_err();
    assert_eq!(error, Error::Tls(TlsFault::Closed));
    assert!(error.to_string().contains("client certificate"));
}

#[tokio::test]
async fn certificates_that_do_not_belong_together_are_refused() {
    let (one, other) = (TestCertificates::new(), TestCertificates::new());
    let read = |authority: &str, certificate: &str, key: &str| {
        Tls::from_pem(authority, certificate, &key.to_owned().into()).unwrap_err().to_string()
    };
    assert!(read("no", &one.certificate, &one.key).contains("authority"));
    assert!(read(&one.authority, "", &one.key).contains("client certificate"));
    assert!(read(&one.authority, &one.certificate, "no").contains("client key"));
    assert!(read(&one.authority, &one.certificate, &other.key).contains("does not belong"));
    let debugged = format!("{:?}", tls(&one));
    assert!(!debugged.contains("PRIVATE"), "{debugged}");
}

#[tokio::test]
async fn an_engine_that_is_away_is_said_to_be() {
    let (fake, engine) = started(Dialect::Docker20).await;
    fake.stop().await;
    assert_eq!(engine.ping().await.unwrap_err(), Error::Unreachable(LinkFault::Refused));
    fake.restart();
    engine.ping().await.unwrap();
    let nowhere = Endpoint::new("unix:///nowhere/engine.sock".parse().unwrap(), None).unwrap();
    let error = Engine::connect(nowhere).await.unwrap_err();
    assert_eq!(error, Error::Unreachable(LinkFault::NoSocket));
}

#[tokio::test]
async fn a_lost_answer_is_no_answer() {
    let (fake, engine) = started(Dialect::Docker20).await;
    fake.fault(EngineFault::on("GET", "_ping", Misbehaviour::Hangup));
    let error = engine.ping().await.unwrap_err();
    assert_eq!(error, Error::Unreachable(LinkFault::Closed));
    assert!(error.leaves_doubt());
    fake.fault(EngineFault::on("GET", "info", Misbehaviour::CutAfter(10)));
    assert_eq!(engine.info().await.unwrap_err(), Error::Unreachable(LinkFault::Cut));
}

#[tokio::test]
async fn what_answers_something_else_is_not_an_engine() {
    let fake = TestEngine::start(Dialect::Docker20).await;
    for body in ["<html>", "{}", "[]", ""] {
        fake.fault(EngineFault::on("GET", "version", Misbehaviour::Body(body.into())));
        let endpoint = Endpoint::new(fake.address().parse().unwrap(), None).unwrap();
        assert!(matches!(Engine::connect(endpoint).await, Err(Error::Answer(_))), "{body}");
    }
    let engine = connected(&fake).await;
    patiently("an answer", engine.ping()).await.unwrap();
}

/// Answers the first connection with these bytes, whatever is asked, and closes it.
async fn answered(bytes: Vec<u8>) -> Error {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("engine.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 4096];
        assert!(stream.read(&mut asked).await.unwrap() > 0);
        // The client may have heard enough.
        drop(stream.write_all(&bytes).await);
    });
    let endpoint = Endpoint::new(format!("unix://{}", path.display()).parse().unwrap(), None).unwrap();
    let error = patiently("an error", Engine::connect(endpoint)).await.unwrap_err();
    answering.await.unwrap();
    error
}

#[tokio::test]
async fn what_does_not_speak_http_is_said_to() {
    let head = b"HTTP/1.1 200 OK\r\n".to_vec();
    let short = [head.as_slice(), b"content-length: 10\r\n\r\n{}"].concat();
    let flood = [head, b"x-more: 0123456789abcdef\r\n".repeat(100_000)].concat();
    for (bytes, fault) in [
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), LinkFault::NotHttp),
        (vec![0; 64], LinkFault::NotHttp),
        (flood, LinkFault::NotHttp),
        (Vec::new(), LinkFault::Closed),
        (short, LinkFault::Cut),
    ] {
        let beginning = String::from_utf8_lossy(&bytes[..bytes.len().min(20)]).into_owned();
        assert_eq!(answered(bytes).await, Error::Unreachable(fault), "{beginning:?}");
    }
}
