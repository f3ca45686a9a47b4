//! Whose certificates are taken.

use std::{io::Write as _, sync::Arc};

use entrepot_remote::{EgressError, Error, Settings};
use tempfile::NamedTempFile;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, pem::PemObject as _},
    },
};

use crate::support::{Server, answer, latest, manifest, remote, repository, url};

// A server certificate for loopback that signs itself, and the file that makes it trusted.
fn certificate(protocols: &[&[u8]]) -> (TlsAcceptor, NamedTempFile) {
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(made.cert.pem().as_bytes()).unwrap();
    (TlsAcceptor::from(Arc::new(config)), file)
}

#[tokio::test]
async fn strangers_are_refused_until_trusted() {
    for protocols in [&[b"h2".as_slice()], &[b"http/1.1".as_slice()]] {
        let (tls, ca) = certificate(protocols);
        let server = Server::start_tls(tls, |_| manifest()).await;
        let refused = server.remote().manifest(&repository(), &latest()).await;
        assert!(matches!(refused, Err(Error::Unreachable { .. })), "{refused:?}");
        assert_eq!(server.count(), 0);
        let trusting = Settings { ca: Some(ca.path().to_owned()), ..server.settings() };
        remote(&trusting).manifest(&repository(), &latest()).await.unwrap();
        let careless = Settings { insecure: true, ..server.settings() };
        remote(&careless).manifest(&repository(), &latest()).await.unwrap();
    }
}

#[tokio::test]
async fn carelessness_ends_at_the_registrys_own_hosts() {
    let (tls, _ca) = certificate(&[b"h2"]);
    let storage = Server::start_tls(tls.clone(), |_| manifest()).await;
    let location = storage.named_url();
    let server = Server::start_tls(tls, move |_| answer(307, &[("location", &location)], "")).await;
    let settings = Settings { insecure: true, private_network: true, ..server.settings() };
    let refused = remote(&settings).manifest(&repository(), &latest()).await;
    assert!(matches!(refused, Err(Error::Unreachable { .. })), "{refused:?}");
    assert_eq!(storage.count(), 0);
}

#[tokio::test]
async fn a_redirect_never_leads_to_plain_http() {
    let plain = Server::start(|_| manifest()).await;
    let (tls, ca) = certificate(&[b"h2"]);
    let location = plain.url();
    let server = Server::start_tls(tls, move |_| answer(307, &[("location", &location)], "")).await;
    let settings = Settings {
        endpoints: vec![url(&server.url())],
        ca: Some(ca.path().to_owned()),
        private_network: true,
        ..Settings::default()
    };
    let refused = remote(&settings).manifest(&repository(), &latest()).await;
    assert!(matches!(refused, Err(Error::Refused(EgressError::Downgrade { .. }))), "{refused:?}");
    assert_eq!(plain.count(), 0);
}
