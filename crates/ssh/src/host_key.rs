//! The key that clients know this server by.

use std::{
    fmt,
    io::{self, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use aws_lc_rs::rand;
use entrepot_access::SshKey;
use entrepot_files::{Draft, Readers};
use russh::keys::{
    PrivateKey,
    ssh_key::{LineEnding, private::Ed25519Keypair},
};
use zeroize::Zeroizing;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 16 << 10;
/// The permissions of everybody but the owner.
const OTHERS: u32 = 0o077;

/// The key that clients know this server by. Printing it shows the fingerprint only.
#[derive(Clone)]
pub struct HostKey {
    key: PrivateKey,
    fingerprint: String,
}

/// The host key cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("the host key `{}` cannot be read or made", path.display())]
pub struct HostKeyError {
    path: PathBuf,
    source: io::Error,
}

impl HostKey {
    /// Reads the key of a file in the form of OpenSSH, or makes one there that only the owner can read.
    ///
    /// # Errors
    /// The file cannot be read or made, or holds no such key.
    pub fn open_or_create(path: &Path) -> Result<Self, HostKeyError> {
        let key = match std::fs::File::open(path) {
            Ok(file) => read(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
            Err(error) => Err(error),
        };
        key.and_then(Self::of).map_err(|source| HostKeyError { path: path.to_owned(), source })
    }

    fn of(key: PrivateKey) -> io::Result<Self> {
        let blob = key.public_key().to_bytes().map_err(io::Error::other)?;
        Ok(Self { fingerprint: SshKey::fingerprint_of(&blob), key })
    }

    /// What clients are asked about when they see it first: `SHA256:…`.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub(crate) fn private(&self) -> PrivateKey {
        self.key.clone()
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HostKey({})", self.fingerprint)
    }
}

fn read(file: std::fs::File) -> io::Result<PrivateKey> {
    if file.metadata()?.permissions().mode() & OTHERS != 0 {
        return Err(io::Error::other("others can read it: `chmod 600`"));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST).read_to_string(&mut text)?;
    let key = PrivateKey::from_openssh(text.as_str()).map_err(io::Error::other)?;
    if key.is_encrypted() {
        return Err(io::Error::other("it is locked by a passphrase"));
    }
    Ok(key)
}

fn create(path: &Path) -> io::Result<PrivateKey> {
    let mut seed = Zeroizing::new([0; 32]);
    rand::fill(seed.as_mut()).map_err(io::Error::other)?;
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    let text = key.to_openssh(LineEnding::LF).map_err(io::Error::other)?;
    let draft = Draft::at(path, Readers::Owner)?;
    draft.file().write_all(text.as_bytes())?;
    draft.file().sync_all()?;
    draft.put_new()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};

    use super::*;

    #[test]
    fn it_is_made_once_and_for_the_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ssh_host_ed25519_key");
        let made = HostKey::open_or_create(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----"));
        let again = HostKey::open_or_create(&path).unwrap();
        assert_eq!(again.fingerprint(), made.fingerprint());
        assert_eq!(format!("{made:?}"), format!("HostKey({})", made.fingerprint()), "nothing secret");
    }

    #[test]
    fn what_is_no_key_is_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        std::fs::write(&path, "hello").unwrap();
        set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let error = HostKey::open_or_create(&path).unwrap_err();
        assert!(error.to_string().contains("the host key"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "hello");
    }

    #[test]
    fn one_that_others_can_read_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        HostKey::open_or_create(&path).unwrap();
        set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let error = HostKey::open_or_create(&path).unwrap_err();
        assert_eq!(error.source.to_string(), "others can read it: `chmod 600`");
    }
}
