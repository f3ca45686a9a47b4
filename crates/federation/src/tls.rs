//! Which certificates are accepted: what the system trusts, and what a configured file adds. Never all.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    ClientConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;

use crate::error::SetupError;

/// TLS settings that check the server's certificate.
///
/// # Errors
/// The file cannot be read or holds no certificates, or the system's certificates cannot be read.
pub(crate) fn config(ca: Option<&Path>) -> Result<ClientConfig, SetupError> {
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let named = ca.map(read).transpose()?.unwrap_or_default();
    let config = || {
        let verifier = Verifier::new_with_extra_roots(named, Arc::clone(&provider))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        Ok(config.with_no_client_auth())
    };
    config().map_err(SetupError::Tls)
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let pem = fs::read(path).map_err(|source| SetupError::CaFile { path: path.to_owned(), source })?;
    match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(SetupError::CaForm { path: path.to_owned() }),
    }
}
