//! Which certificates are accepted: what the system trusts, what certificates under `ca` have issued, and those
//! certificates themselves.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};
use rustls_platform_verifier::Verifier;
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use crate::settings::SettingsError;

/// The TLS settings for servers whose certificates are checked.
///
/// # Errors
/// The file cannot be read or holds no certificates, or the system's certificates cannot be read.
pub(crate) fn checked(ca: Option<&Path>) -> Result<ClientConfig, SettingsError> {
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let named = ca.map(read).transpose()?.unwrap_or_default();
    let config = || {
        let system = Verifier::new_with_extra_roots(named.iter().cloned(), Arc::clone(&provider))?;
        let verifier = Arc::new(NamedOrIssued { named: named.clone(), system });
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        Ok(config.with_no_client_auth())
    };
    let mut config = config().map_err(|source| SettingsError::Tls { source })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
    let pem = fs::read(path);
    let pem = pem.map_err(|source| SettingsError::CaFile { path: path.to_owned(), source })?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(SettingsError::CaForm { path: path.to_owned() }),
    }
}

/// Accepts a certificate that is named, whoever issued it and whatever it says that it is for, as long as its time and
/// its name are right. All others are for the system to judge.
#[derive(Debug)]
struct NamedOrIssued {
    named: Vec<CertificateDer<'static>>,
    system: Verifier,
}

impl ServerCertVerifier for NamedOrIssued {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.named.iter().any(|named| named == end_entity) {
            return as_it_is(end_entity, server_name, now).map(|()| ServerCertVerified::assertion());
        }
        self.system.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.system.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.system.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.system.supported_verify_schemes()
    }
}

fn as_it_is(der: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), rustls::Error> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|_| rustls::Error::from(CertificateError::BadEncoding))?;
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    if seconds < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if seconds > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    match certificate.subject_alternative_name() {
        Ok(None) if has_common_name(&certificate, name) => Ok(()),
        Ok(None) => Err(CertificateError::NotValidForName.into()),
        // The library says which names there are.
        _ => verify_server_name(&ParsedCertificate::try_from(der)?, name),
    }
}

// Without a `subjectAltName`, the common name is the host (RFC 6125 §6.4.4). Only certificates that are named here may
// still do that.
fn has_common_name(certificate: &X509Certificate<'_>, name: &ServerName<'_>) -> bool {
    let host = name.to_str();
    let mut names = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    names.any(|name| name.eq_ignore_ascii_case(&host))
}
