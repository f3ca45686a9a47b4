//! The keyring in use. Everything that seals and opens shares it, so it can be rotated while they work.

use std::{path::Path, sync::Arc};

use tokio::sync::{RwLock, RwLockReadGuard};
use zeroize::Zeroizing;

use crate::{
    file::{FileError, KeyFile},
    key::KeyId,
    keyring::{Keyring, OpenError},
    sealed::{SealedLocation, SealedValue},
};

/// The keyring in use, and the file that it came from. Cheap to clone; clones share it.
#[derive(Clone, Debug)]
pub struct SharedKeyring(Arc<KeyringInner>);

#[derive(Debug)]
struct KeyringInner {
    keyring: RwLock<Keyring>,
    file: Option<KeyFile>,
}

/// The keys, kept as they are: no rotation adds or drops one while this is held. Take it before what is sealed is read, and
/// keep it until what was sealed is stored. Only one at a time: a second one may wait for a rotation that waits for the first.
#[derive(Debug)]
pub struct HeldKeys<'a>(RwLockReadGuard<'a, Keyring>);

/// Why keys are not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// They came from somewhere else than a file, such as the environment.
    #[error("the key is part of the configuration, which is not ours to change")]
    NotAFile,
    /// The key file cannot be replaced.
    #[error(transparent)]
    File(#[from] FileError),
}

impl SharedKeyring {
    /// The keyring of a file.
    pub fn of_file(keyring: Keyring, file: KeyFile) -> Self {
        Self(Arc::new(KeyringInner { keyring: RwLock::new(keyring), file: Some(file) }))
    }

    /// The file, if they came from one.
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_ref().map(KeyFile::path)
    }

    /// Keeps the keys as they are.
    pub async fn hold(&self) -> HeldKeys<'_> {
        HeldKeys(self.0.keyring.read().await)
    }

    /// The key that seals.
    pub async fn current(&self) -> KeyId {
        self.0.keyring.read().await.current().clone()
    }

    /// The keys that only open.
    pub async fn older(&self) -> Vec<KeyId> {
        self.0.keyring.read().await.older().cloned().collect()
    }

    /// Begins a rotation: a new key seals from now on, and the keys so far still open. The file has it before it is used.
    ///
    /// # Errors
    /// The keys are not from a file, or it cannot be replaced; then nothing has changed.
    pub async fn add(&self) -> Result<(), RotationError> {
        self.replace(Keyring::with_new_key).await
    }

    /// Ends a rotation: the older keys are gone. Everything must be sealed with the current key.
    ///
    /// # Errors
    /// As for [`Self::add`].
    pub async fn drop_older(&self) -> Result<(), RotationError> {
        self.replace(Keyring::without_older_keys).await
    }

    async fn replace(&self, step: impl FnOnce(&Keyring) -> Keyring) -> Result<(), RotationError> {
        let file = self.0.file.clone().ok_or(RotationError::NotAFile)?;
        let mut keyring = self.0.keyring.write().await;
        let (before, after) = (keyring.clone(), step(&keyring));
        let written =
            tokio::task::spawn_blocking(move || file.replace(&before, &after).map(|()| after)).await;
        // A task that does not panic and is not aborted always ends.
        let after = written.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        *keyring = after;
        Ok(())
    }
}

impl From<Keyring> for SharedKeyring {
    fn from(keyring: Keyring) -> Self {
        Self(Arc::new(KeyringInner { keyring: RwLock::new(keyring), file: None }))
    }
}

impl HeldKeys<'_> {
    /// Seals a value for a place.
    pub fn seal(&self, location: SealedLocation<'_>, value: &[u8]) -> SealedValue {
        self.0.seal(location, value)
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// Its key is not here, or it is not what that key sealed for this place.
    pub fn open(
        &self,
        location: SealedLocation<'_>,
        sealed: &SealedValue,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.0.open(location, sealed)
    }

    /// The key that seals.
    pub fn current(&self) -> &KeyId {
        self.0.current()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    const PLACE: SealedLocation<'_> = SealedLocation { table: "credential", column: "sealed", row: "7" };

    #[tokio::test]
    async fn the_file_has_a_key_before_it_seals_and_as_long_as_it_is_needed() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::new(directory.path().join("secret.key"));
        let keys =
            SharedKeyring::of_file(file.open_or_create(directory.path()).unwrap().keyring, file.clone());
        let before = keys.hold().await.seal(PLACE, b"a");
        keys.add().await.unwrap();
        let after = keys.hold().await.seal(PLACE, b"a");
        assert_ne!(before.key(), after.key());
        let on_disk = file.open(directory.path()).unwrap().keyring;
        for sealed in [&before, &after] {
            assert_eq!(**keys.hold().await.open(PLACE, sealed).unwrap(), *b"a");
            assert_eq!(**on_disk.open(PLACE, sealed).unwrap(), *b"a");
        }
        keys.drop_older().await.unwrap();
        assert_eq!(keys.hold().await.open(PLACE, &before), Err(OpenError::NoKey(before.key().clone())));
        assert_eq!(keys.older().await, []);
        assert_eq!(file.open(directory.path()).unwrap().keyring.current(), after.key());
    }

    #[tokio::test]
    async fn no_key_is_dropped_while_the_keys_are_held() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::new(directory.path().join("secret.key"));
        let keys = SharedKeyring::of_file(file.open_or_create(directory.path()).unwrap().keyring, file);
        let held = keys.hold().await;
        let waiting = keys.clone();
        let rotation = tokio::spawn(async move { waiting.add().await });
        while keys.0.keyring.try_read().is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!rotation.is_finished());
        drop(held);
        rotation.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_file_that_was_changed_by_hand_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::new(directory.path().join("secret.key"));
        let keys =
            SharedKeyring::of_file(file.open_or_create(directory.path()).unwrap().keyring, file.clone());
        fs::remove_file(file.path()).unwrap();
        file.open_or_create(directory.path()).unwrap();
        let refused = keys.add().await;
        assert!(matches!(refused, Err(RotationError::File(FileError::Changed(_)))), "{refused:?}");
        let given = SharedKeyring::from(Keyring::generate());
        assert!(matches!(given.add().await, Err(RotationError::NotAFile)));
        assert_eq!(given.file(), None);
    }

    #[tokio::test]
    async fn a_link_stays_one() {
        let directory = tempfile::tempdir().unwrap();
        let real = KeyFile::new(directory.path().join("real.key"));
        let link = KeyFile::new(directory.path().join("secret.key"));
        let keyring = real.open_or_create(directory.path()).unwrap().keyring;
        symlink(real.path(), link.path()).unwrap();
        SharedKeyring::of_file(keyring.clone(), link.clone()).add().await.unwrap();
        assert!(fs::symlink_metadata(link.path()).unwrap().is_symlink());
        assert_ne!(real.open(directory.path()).unwrap().keyring.current(), keyring.current());
    }
}
