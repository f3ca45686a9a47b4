//! The settings.

use std::{fmt, path::PathBuf};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use instant_acme::Account;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// The directory of Let's Encrypt.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// Of whom certificates are asked, and how.
#[derive(Clone, Debug)]
pub struct AcmeSettings {
    /// The directory of the ACME server.
    pub directory: Url,
    /// A file with the certificate of the authority that signed the directory's own certificate, in PEM format.
    pub directory_ca: Option<PathBuf>,
    /// Where the authority writes to.
    pub email: Option<String>,
    /// The account at the authority that ours is bound to.
    pub eab: Option<Eab>,
    /// The address of the port where the authority asks by HTTP, for HTTP-01.
    pub http: Option<String>,
}

impl AcmeSettings {
    /// Checks that the certificate of the directory's authority can be read.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check_ca(&self) -> Result<(), CaError> {
        let opened = self.directory_ca.as_ref().map(Account::builder_with_root).transpose();
        opened.map(drop).map_err(CaError)
    }

    /// True for an authority that everybody trusts, as far as the settings say.
    pub fn is_public(&self) -> bool {
        self.directory_ca.is_none()
    }
}

/// The certificate to trust for the ACME directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the certificate of the directory's authority cannot be used")]
pub struct CaError(#[source] instant_acme::Error);

/// An external account binding (RFC 8555 §7.3.4).
#[derive(Clone)]
pub struct Eab {
    kid: String,
    hmac: SecretString,
}

/// The HMAC key is not in the form in which authorities give it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is not base64url")]
pub struct EabError;

impl Eab {
    /// Checks the form of the key.
    ///
    /// # Errors
    /// It is not base64url.
    pub fn new(kid: String, hmac: SecretString) -> Result<Self, EabError> {
        let this = Self { kid, hmac };
        this.key().filter(|key| !key.is_empty()).map(drop).ok_or(EabError)?;
        Ok(this)
    }

    /// The name of the account.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key's bytes.
    pub(crate) fn key(&self) -> Option<Vec<u8>> {
        BASE64_URL_SAFE_NO_PAD.decode(self.hmac.expose_secret().trim().trim_end_matches('=')).ok()
    }
}

impl fmt::Debug for Eab {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Eab").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_of_the_directory_is_looked_at() {
        let settings = |directory_ca: Option<&str>| AcmeSettings {
            directory: LETS_ENCRYPT.parse().unwrap(),
            directory_ca: directory_ca.map(Into::into),
            email: None,
            eab: None,
            http: None,
        };
        assert!(settings(None).check_ca().is_ok());
        assert!(settings(Some("/nowhere/ca.pem")).check_ca().is_err());
    }

    #[test]
    fn keys_are_read_with_and_without_padding_and_never_shown() {
        for text in ["Y2FuYXJ5IQ", "Y2FuYXJ5IQ==", " Y2FuYXJ5IQ\n"] {
            let eab = Eab::new("k1".to_owned(), text.to_owned().into()).unwrap();
            assert_eq!(eab.key().unwrap(), b"canary!");
            assert!(!format!("{eab:?}").contains("Y2Fu"));
        }
        for text in ["", "not base64!"] {
            assert_eq!(Eab::new("k1".to_owned(), text.to_owned().into()).unwrap_err(), EabError);
        }
    }
}
