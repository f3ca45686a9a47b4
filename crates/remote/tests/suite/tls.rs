//! Which certificates are accepted.

use std::{io::Write as _, sync::Arc};

use entrepot_remote::{EgressError, Error, NetworkFaultKind, RemoteSettings, TlsFault};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, pem::PemObject as _},
    },
};

use crate::support::{Server, answer, challenge, credential, latest, manifest, remote, repository, url};

// A self-signed server certificate for loopback, and the file that makes it trusted.
pub(crate) fn certificate(protocols: &[&[u8]]) -> (TlsAcceptor, NamedTempFile) {
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    certified(CertificateParams::new(names).unwrap(), protocols)
}

fn certified(parameters: CertificateParams, protocols: &[&[u8]]) -> (TlsAcceptor, NamedTempFile) {
    let key = KeyPair::generate().unwrap();
    let made = parameters.self_signed(&key).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(made.pem().as_bytes()).unwrap();
    (TlsAcceptor::from(Arc::new(config)), file)
}

// U20: signed by a trusted issuer, and invalid for another reason.
#[tokio::test]
async fn expired_and_mistaken_certificates_are_refused_unless_the_operator_does_not_care() {
    let mut expired = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let mut early = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    early.not_before = rcgen::date_time_ymd(4000, 1, 1);
    let elsewhere = CertificateParams::new(vec!["registry.example".to_owned()]).unwrap();
    for (what, parameters, fault) in [
        ("expired", expired, TlsFault::Expired),
        ("not yet valid", early, TlsFault::NotYetValid),
        ("another name", elsewhere, TlsFault::Name),
    ] {
        let (tls, ca) = certified(parameters, &[b"http/1.1"]);
        let server = Server::start_tls(tls, |_| manifest()).await;
        let trusting = RemoteSettings { ca: Some(ca.path().to_owned()), ..server.settings() };
        let refused = remote(&trusting).manifest(&repository(), &latest()).await;
        let Err(Error::Unreachable { fault: told, .. }) = refused else { panic!("{what}: {refused:?}") };
        assert_eq!((told.kind(), server.count()), (NetworkFaultKind::Tls(fault), 0), "{what}");
        let careless = RemoteSettings { insecure: true, ..server.settings() };
        remote(&careless).manifest(&repository(), &latest()).await.unwrap();
    }
}

// U20: a server that supports nothing newer than TLS 1.0.
#[tokio::test]
async fn old_protocols_are_refused_also_by_the_careless() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let mut answered = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut hello = [0; 4096];
            assert!(stream.read(&mut hello).await.unwrap() > 0);
            // ServerHello of TLS 1.0 (RFC 2246 §7.4.1.3): version 3.1, a random, no session, a cipher, no compression.
            let mut answer = vec![0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
            answer.extend([7; 32]);
            answer.extend([0, 0, 0x2f, 0]);
            stream.write_all(&answer).await.unwrap();
            // What comes back is an alert (21), and nothing of a request.
            let mut reply = [0; 4096];
            let read = stream.read(&mut reply).await.unwrap_or(0);
            assert!(read == 0 || reply[0] == 21, "{:?}", &reply[..read]);
            answered += 1;
            if answered == 2 {
                return;
            }
        }
    });
    for insecure in [false, true] {
        let settings =
            RemoteSettings { endpoints: vec![url(&endpoint)], insecure, ..RemoteSettings::default() };
        let refused = remote(&settings).manifest(&repository(), &latest()).await;
        assert!(matches!(refused, Err(Error::Unreachable { .. })), "{refused:?}");
    }
    served.await.unwrap();
}

#[tokio::test]
async fn strangers_are_refused_until_trusted() {
    for protocols in [&[b"h2".as_slice()], &[b"http/1.1".as_slice()]] {
        let (tls, ca) = certificate(protocols);
        let server = Server::start_tls(tls, |_| manifest()).await;
        let refused = server.remote().manifest(&repository(), &latest()).await;
        assert!(matches!(refused, Err(Error::Unreachable { .. })), "{refused:?}");
        assert_eq!(server.count(), 0);
        let trusting = RemoteSettings { ca: Some(ca.path().to_owned()), ..server.settings() };
        remote(&trusting).manifest(&repository(), &latest()).await.unwrap();
        let careless = RemoteSettings { insecure: true, ..server.settings() };
        remote(&careless).manifest(&repository(), &latest()).await.unwrap();
    }
}

// U20: what `openssl req -x509` makes is an authority, and has often no other name than its common name.
#[tokio::test]
async fn a_named_certificate_is_trusted_as_it_is() {
    let named = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, "localhost");
        parameters
    };
    let mut expired = named(&["localhost"]);
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let mut early = named(&["localhost"]);
    early.not_before = rcgen::date_time_ymd(4000, 1, 1);
    for (what, parameters, fault) in [
        ("an authority", named(&["localhost"]), None),
        ("a common name", named(&[]), None),
        ("another name", named(&["registry.example"]), Some(TlsFault::Name)),
        ("expired", expired, Some(TlsFault::Expired)),
        ("not yet valid", early, Some(TlsFault::NotYetValid)),
    ] {
        let (tls, ca) = certified(parameters, &[b"h2"]);
        let server = Server::start_tls(tls, |_| manifest()).await;
        let named = RemoteSettings {
            endpoints: vec![url(&server.named_url())],
            ca: Some(ca.path().to_owned()),
            ..RemoteSettings::default()
        };
        let told = match remote(&named).manifest(&repository(), &latest()).await {
            Ok(_) => None,
            Err(Error::Unreachable { fault, .. }) => Some(fault.kind()),
            Err(other) => panic!("{what}: {other:?}"),
        };
        assert_eq!(told, fault.map(NetworkFaultKind::Tls), "{what}");
        // Nobody else is trusted for that.
        let (_, other) = certificate(&[b"h2"]);
        let unnamed = RemoteSettings { ca: Some(other.path().to_owned()), ..named };
        assert!(remote(&unnamed).manifest(&repository(), &latest()).await.is_err(), "{what}");
    }
}

#[tokio::test]
async fn carelessness_ends_at_the_registrys_own_hosts() {
    let (tls, _ca) = certificate(&[b"h2"]);
    let storage = Server::start_tls(tls.clone(), |_| manifest()).await;
    let location = storage.named_url();
    let server = Server::start_tls(tls, move |_| answer(307, &[("location", &location)], "")).await;
    let settings = RemoteSettings { insecure: true, private_network: true, ..server.settings() };
    let refused = remote(&settings).manifest(&repository(), &latest()).await;
    assert!(matches!(refused, Err(Error::Unreachable { .. })), "{refused:?}");
    assert_eq!(storage.count(), 0);
}

// U10: from https, a token is not asked for over http.
#[tokio::test]
async fn a_token_server_is_never_at_plain_http() {
    let plain = Server::start(|_| answer(200, &[], r#"{"token":"good"}"#)).await;
    let (tls, ca) = certificate(&[b"h2"]);
    let realm = format!("{}/token", plain.url());
    let server = Server::start_tls(tls, move |_| challenge(&realm)).await;
    let settings = RemoteSettings {
        ca: Some(ca.path().to_owned()),
        credentials: vec![credential("me")],
        private_network: true,
        ..server.settings()
    };
    let refused = remote(&settings).manifest(&repository(), &latest()).await;
    assert!(matches!(refused, Err(Error::Refused(EgressError::Downgrade { .. }))), "{refused:?}");
    assert_eq!((server.count(), plain.count()), (1, 0));
}

#[tokio::test]
async fn a_redirect_never_leads_to_plain_http() {
    let plain = Server::start(|_| manifest()).await;
    let (tls, ca) = certificate(&[b"h2"]);
    let location = plain.url();
    let server = Server::start_tls(tls, move |_| answer(307, &[("location", &location)], "")).await;
    let settings = RemoteSettings {
        endpoints: vec![url(&server.url())],
        ca: Some(ca.path().to_owned()),
        private_network: true,
        ..RemoteSettings::default()
    };
    let refused = remote(&settings).manifest(&repository(), &latest()).await;
    assert!(matches!(refused, Err(Error::Refused(EgressError::Downgrade { .. }))), "{refused:?}");
    assert_eq!(plain.count(), 0);
}
