//! TLS: one certificate, read again when its files change, and those that answer an ACME server meanwhile.
//!
//! Everything that touches rustls is here, since its next release changes its interface.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use entrepot_acme::Challenges;
use entrepot_oci::{ErrorBody, ErrorCode};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::metrics::ServerMetrics;

/// The interval between checks of the files.
const LOOK: Duration = Duration::from_secs(30);
/// How much is read of a client that speaks plain HTTP, in bytes.
const MAX_UNREAD: u64 = 64 << 10;
/// The protocol by which an ACME server asks whether a name is ours (RFC 8737 §6.2).
const ACME: &[u8] = b"acme-tls/1";

/// Paths of certificate and key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by its intermediates.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Errors of loading a certificate and its key.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or is not PEM of the right kind.
    #[error("`{}` cannot be read", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// The read or parse error.
        #[source]
        source: pem::Error,
    },
    /// The certificate file contains no certificate.
    #[error("`{}` has no certificate in it", path.display())]
    Empty {
        /// Path of the file.
        path: PathBuf,
    },
    /// Key and certificate do not match, or are of an unsupported kind.
    #[error("certificate and key cannot be used together")]
    Pair(#[source] rustls::Error),
}

/// The certificate in use.
pub(crate) struct Certificates {
    acceptor: TlsAcceptor,
    files: TlsFiles,
    current: Arc<CurrentCertificate>,
    seen: Mutex<Option<[SystemTime; 2]>>,
    metrics: ServerMetrics,
}

#[derive(Debug)]
struct CurrentCertificate {
    certificate: ArcSwap<CertifiedKey>,
    challenges: Option<Challenges>,
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match &self.challenges {
            Some(challenges)
                if hello.alpn().is_some_and(|mut protocols| protocols.any(|name| name == ACME)) =>
            {
                answer(challenges, hello.server_name()?)
            }
            _ => Some(self.certificate.load_full()),
        }
    }
}

// The certificate that proves the name, while it is being proved. This is rare, so nothing of it is kept.
fn answer(challenges: &Challenges, name: &str) -> Option<Arc<CertifiedKey>> {
    let answer = challenges.tls(name)?;
    let chain = vec![CertificateDer::from(answer.certificate)];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(answer.key));
    // Its extension is critical and known to nobody else: `CertifiedKey::from_der` would refuse it.
    let key = aws_lc_rs::sign::any_supported_type(&key).ok()?;
    Some(Arc::new(CertifiedKey::new(chain, key)))
}

impl Certificates {
    /// Loads the files for the first time. `challenges` are those of the ACME server that the certificate comes from.
    pub(crate) async fn open(
        files: TlsFiles,
        challenges: Option<Challenges>,
        metrics: ServerMetrics,
    ) -> Result<Self, CertificateError> {
        let seen = Mutex::new(changed(&files));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificate = ArcSwap::from_pointee(load(&files, &provider)?);
        let mut protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        protocols.extend(challenges.is_some().then(|| ACME.to_vec()));
        let current = Arc::new(CurrentCertificate { certificate, challenges });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(CertificateError::Pair)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = protocols;
        let this = Self { acceptor: TlsAcceptor::from(Arc::new(config)), files, current, seen, metrics };
        this.tell_expiry();
        Ok(this)
    }

    /// Begins TLS. A client that speaks plain HTTP is told so.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [0];
        // A TLS record begins with a small number, a request with the letters of its method.
        if stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase() {
            tell_plain(stream).await?;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the client speaks plain HTTP"));
        }
        self.acceptor.accept(stream).await
    }

    /// Reloads the files. On an error, the certificate in use stays.
    pub(crate) fn reload(&self) -> Result<(), CertificateError> {
        let seen = changed(&self.files);
        let result = load(&self.files, &aws_lc_rs::default_provider());
        // A bad pair is not retried until it changes, to keep the log short.
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        self.current.certificate.store(Arc::new(result?));
        self.tell_expiry();
        Ok(())
    }

    fn tell_expiry(&self) {
        let source = if self.current.challenges.is_some() { "acme" } else { "files" };
        let certificate = self.current.certificate.load();
        if let Some(at) = certificate.cert.first().and_then(|first| entrepot_acme::expiry(first)) {
            self.metrics.certificate_ends(source, at);
        }
    }

    /// Reloads the files whenever they change, forever.
    pub(crate) async fn watch(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let now = changed(&self.files);
            let same = *self.seen.lock().unwrap_or_else(PoisonError::into_inner) == now;
            if !same && now.is_some() {
                report(self.reload());
            }
        }
    }
}

/// Checks that certificate and key can be read and belong together.
///
/// # Errors
/// What is wrong with them.
pub fn check_certificate(files: &TlsFiles) -> Result<(), CertificateError> {
    load(files, &aws_lc_rs::default_provider()).map(drop)
}

// Reads what the client sends, up to a limit: closing with unread data would take the answer away from it.
async fn tell_plain(mut stream: TcpStream) -> io::Result<()> {
    let error = ErrorBody::new(ErrorCode::Unsupported, "this port speaks TLS; hint: use `https://`");
    let body = error.to_json();
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), &body].concat()).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(MAX_UNREAD), &mut tokio::io::sink()).await.map(drop)
}

/// Logs the result of a reload.
pub(crate) fn report(result: Result<(), CertificateError>) {
    match result {
        Ok(()) => tracing::info!("the certificate was read again"),
        Err(error) => {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, source, "the new certificate is not good; the old one stays in use");
        }
    }
}

// Both files are small: reading them is cheaper than moving the work to a blocking thread.
fn load(files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, CertificateError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| CertificateError::File { path, source }
    };
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(failed(&files.cert))?;
    if chain.is_empty() {
        return Err(CertificateError::Empty { path: files.cert.clone() });
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(failed(&files.key))?;
    CertifiedKey::from_der(chain, key, provider).map_err(CertificateError::Pair)
}

fn changed(files: &TlsFiles) -> Option<[SystemTime; 2]> {
    let at = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    Some([at(&files.cert)?, at(&files.key)?])
}
