//! The certificates that an engine is reached with.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use secrecy::{ExposeSecret as _, SecretString};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

/// The most bytes of PEM that are read.
const MAX_PEM_BYTES: usize = 256 << 10;

/// Mutual TLS: whom to trust, and who we are. Only the authority given here is trusted, nobody that the system trusts.
/// Cheap to clone; the key is never shown.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    ends_ms: i64,
}

/// Why certificates cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// The authority's certificate.
    #[error("the authority's certificate is not readable as PEM")]
    Authority,
    /// The client certificate.
    #[error("the client certificate is not readable as PEM")]
    Certificate,
    /// The client key.
    #[error("the client key is not readable as PEM; keys with a passphrase cannot be used")]
    Key,
    /// The key does not belong to the certificate, or is of a kind that cannot be used.
    #[error("the client key does not belong to the client certificate")]
    Pair,
}

impl Tls {
    /// Reads the certificates of the authority, and the client certificate with its key, all as PEM.
    ///
    /// # Errors
    /// One of them cannot be read, or they do not belong together.
    pub fn from_pem(authority: &str, certificate: &str, key: &SecretString) -> Result<Self, PemError> {
        let authorities = certificates(authority, PemError::Authority)?;
        let chain = certificates(certificate, PemError::Certificate)?;
        let key = key.expose_secret();
        if key.len() > MAX_PEM_BYTES {
            return Err(PemError::Key);
        }
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| PemError::Key)?;
        let ends_ms =
            first_end(&authorities, PemError::Authority)?.min(first_end(&chain, PemError::Certificate)?);
        Ok(Self { config: Arc::new(config(authorities, chain, key)?), ends_ms })
    }

    /// When the first of the certificates ends, in milliseconds since 1970.
    pub fn ends_ms(&self) -> i64 {
        self.ends_ms
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tls").field("ends_ms", &self.ends_ms).finish_non_exhaustive()
    }
}

fn certificates(pem: &str, error: PemError) -> Result<Vec<CertificateDer<'static>>, PemError> {
    if pem.len() > MAX_PEM_BYTES {
        return Err(error);
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or(error)
}

// When the first of them ends.
fn first_end(certificates: &[CertificateDer<'_>], error: PemError) -> Result<i64, PemError> {
    certificates.iter().map(ends_ms).min().flatten().ok_or(error)
}

fn ends_ms(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    parsed.validity().not_after.timestamp().checked_mul(1000)
}

fn config(
    authorities: Vec<CertificateDer<'static>>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ClientConfig, PemError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).map_err(|_| PemError::Authority)?;
    }
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| PemError::Pair)?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|_| PemError::Pair)
}
