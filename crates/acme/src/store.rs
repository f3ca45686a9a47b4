//! The account and the certificate, below the data directory, for the owner's eyes alone.
//!
//! Every authority has a directory of its own, so that trying one (a staging server) costs nothing of another.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use entrepot_files::{Directory, Draft, Readers};
use instant_acme::AccountCredentials;
use url::Url;

use crate::{
    certificate::{Certificate, self_signed},
    name::Name,
};

/// Certificate chain and key in one file, so that they are replaced together.
const CERTIFICATE: &str = "certificate.pem";
const ACCOUNT: &str = "account.json";

/// Errors of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file can be neither read nor written.
    #[error("`{}` cannot be used", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The error of the file system.
        #[source]
        source: io::Error,
    },
    /// No certificate can be made.
    #[error("no certificate can be made for the time before the first one")]
    SelfSigned(#[source] rcgen::Error),
}

/// What is kept of one authority.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
}

impl Store {
    /// The place for what is kept of the authority at `directory`, below `data`. It is made if it is missing, and so is a
    /// certificate that nobody trusts, so that there is one to begin with.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn open(data: &Path, directory: &Url, names: &[Name]) -> Result<Self, StoreError> {
        let this = Self { path: data.join("acme").join(place(directory)) };
        std::fs::create_dir_all(&this.path).map_err(|source| this.failed("", source))?;
        if this.certificate()?.is_none() {
            this.put(CERTIFICATE, self_signed(names).map_err(StoreError::SelfSigned)?.as_bytes())?;
        }
        Ok(this)
    }

    /// The file with the certificate chain and its key, in PEM format.
    pub fn certificate_file(&self) -> PathBuf {
        self.path.join(CERTIFICATE)
    }

    /// What is said by the certificate in use, if it can be read.
    pub(crate) fn certificate(&self) -> Result<Option<Certificate>, StoreError> {
        Ok(self.read(CERTIFICATE)?.as_deref().and_then(Certificate::read))
    }

    /// Replaces the certificate. `pem` has the key, too.
    pub(crate) fn put_certificate(&self, pem: &str) -> Result<(), StoreError> {
        self.put(CERTIFICATE, pem.as_bytes())
    }

    /// The account at the authority.
    pub(crate) fn account(&self) -> Result<Option<AccountCredentials>, StoreError> {
        let Some(bytes) = self.read(ACCOUNT)? else { return Ok(None) };
        let read = serde_json::from_slice(&bytes);
        read.map(Some).map_err(|error| self.failed(ACCOUNT, error.into()))
    }

    /// Keeps the account.
    pub(crate) fn put_account(&self, account: &AccountCredentials) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(account).map_err(|error| self.failed(ACCOUNT, error.into()))?;
        self.put(ACCOUNT, &bytes)
    }

    /// Forgets the account, so that another one is made.
    pub(crate) fn forget_account(&self) -> Result<(), StoreError> {
        match std::fs::remove_file(self.path.join(ACCOUNT)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(ACCOUNT, error)),
            _ => Ok(()),
        }
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let read = || {
            let mut bytes = Vec::new();
            Directory::open(&self.path)?.read(Path::new(name))?.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if io::Error::kind(&error) == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.failed(name, source)),
        }
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let put = || {
            let draft = Draft::below(&Directory::open(&self.path)?, Path::new(name), Readers::Owner)?;
            draft.file().write_all(bytes)?;
            draft.replace()
        };
        put().map_err(|source| self.failed(name, source))
    }

    fn failed(&self, name: &str, source: io::Error) -> StoreError {
        StoreError::File { path: self.path.join(name), source }
    }
}

// `acme.example.com_14000_dir`: host, port and path, of letters that file names may have.
fn place(directory: &Url) -> String {
    let port = directory.port().map(|port| format!("_{port}")).unwrap_or_default();
    let text = format!("{}{port}{}", directory.host_str().unwrap_or_default(), directory.path());
    text.chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "-.".contains(letter) { letter } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names() -> Vec<Name> {
        vec![Name::parse("m.example.com").unwrap()]
    }

    #[test]
    fn there_is_a_certificate_from_the_beginning_and_it_stays() {
        let (data, url) = (tempfile::tempdir().unwrap(), "https://ca.test/dir".parse().unwrap());
        let store = Store::open(data.path(), &url, &names()).unwrap();
        assert!(store.certificate().unwrap().unwrap().is_self_signed);
        let before = std::fs::read(store.certificate_file()).unwrap();
        let again = Store::open(data.path(), &url, &names()).unwrap();
        assert_eq!(std::fs::read(again.certificate_file()).unwrap(), before);
        let mode = std::fs::metadata(store.certificate_file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn an_unreadable_certificate_is_replaced_and_an_unreadable_account_is_told() {
        let (data, url) = (tempfile::tempdir().unwrap(), "https://ca.test/dir".parse().unwrap());
        let store = Store::open(data.path(), &url, &names()).unwrap();
        assert!(store.account().unwrap().is_none());
        std::fs::write(store.certificate_file(), "damaged").unwrap();
        std::fs::write(store.path.join(ACCOUNT), "{\"canary").unwrap();
        let store = Store::open(data.path(), &url, &names()).unwrap();
        assert!(store.certificate().unwrap().is_some());
        assert!(store.account().err().unwrap().to_string().contains("account.json` cannot be used"));
    }

    #[test]
    fn every_authority_has_its_own_place() {
        let place = |url: &str| place(&url.parse().unwrap());
        assert_eq!(place("https://localhost:14000/dir"), "localhost_14000_dir");
        assert_eq!(place("https://ca.test/a/../../x?y"), "ca.test_x");
        assert_ne!(place("https://ca.test/a"), place("https://ca.test/b"));
    }
}
