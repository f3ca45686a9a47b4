//! Certificates of an authority of the test's own.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};

/// Certificates of an authority of the test's own, all as PEM: what a client needs, and what a server shows.
#[derive(Clone, Debug)]
pub struct TestCertificates {
    /// The authority.
    pub authority: String,
    /// The client's certificate.
    pub certificate: String,
    /// The client's key.
    pub key: String,
    server_certificate: String,
    server_key: String,
}

impl TestCertificates {
    /// New ones, for a server at `127.0.0.1`.
    pub fn new() -> Self {
        Self::for_server("127.0.0.1")
    }

    /// New ones, for a server at this name or address.
    pub fn for_server(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        // No two authorities have one name.
        static AUTHORITIES: AtomicUsize = AtomicUsize::new(1);
        let number = AUTHORITIES.fetch_add(1, Ordering::Relaxed);
        params.distinguished_name.push(DnType::CommonName, format!("authority {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let (server_certificate, server_key) = issued(&authority, name, ExtendedKeyUsagePurpose::ServerAuth);
        let (certificate, key) = issued(&authority, "client", ExtendedKeyUsagePurpose::ClientAuth);
        Self { authority: authority.pem(), certificate, key, server_certificate, server_key }
    }

    pub(crate) fn server_config(&self) -> ServerConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.as_bytes()).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let chain = vec![CertificateDer::from_pem_slice(self.server_certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(self.server_key.as_bytes()).unwrap();
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(chain, key)
            .unwrap()
    }
}

impl Default for TestCertificates {
    fn default() -> Self {
        Self::new()
    }
}

fn issued(
    authority: &CertifiedIssuer<'_, KeyPair>,
    name: &str,
    purpose: ExtendedKeyUsagePurpose,
) -> (String, String) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.extended_key_usages = vec![purpose];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &**authority).unwrap();
    (certificate.pem(), key.serialize_pem())
}
