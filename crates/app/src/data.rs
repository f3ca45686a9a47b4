//! The data directory: private to this user, and used by one process at a time.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::failure::Failure;

/// The lock on a data directory. Released on drop and when the process ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

/// The result of trying to lock a data directory.
#[derive(Debug)]
pub(crate) enum LockAttempt {
    /// Locked: work in it.
    Ours(Lock),
    /// Another process holds the lock: talk to that one, or give up.
    Taken,
}

/// An existing data directory.
#[derive(Clone, Debug)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// Opens the directory, creating it (for this user only) if needed.
    pub(crate) fn make(path: &Path) -> Result<Self, Failure> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| unusable(path, &error))?;
        Self::existing(path)
    }

    /// Opens the directory if it exists.
    pub(crate) fn existing(path: &Path) -> Result<Self, Failure> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Self(path.to_owned())),
            Ok(_) => Err(unusable(path, &io::Error::from(io::ErrorKind::NotADirectory))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Failure::new(format!("there is no data directory `{}`", path.display()))
                    .with_hint("say where it is: `--data DIR`, or `--config FILE`"))
            }
            Err(error) => Err(unusable(path, &error)),
        }
    }

    /// Tries to lock it.
    pub(crate) fn lock(&self) -> Result<LockAttempt, Failure> {
        let path = self.0.join("entrepot.lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(&path).map_err(|error| unusable(&self.0, &error))?;
        match file.try_lock() {
            Ok(()) => {
                self.close_to_others(&path);
                Ok(LockAttempt::Ours(Lock(file)))
            }
            Err(TryLockError::WouldBlock) => Ok(LockAttempt::Taken),
            Err(TryLockError::Error(error)) => Err(Failure::because(
                format!("cannot lock the data directory `{}`", self.0.display()),
                &error,
            )
            .with_hint("its file system must support file locks")),
        }
    }

    // An existing directory may be open to everybody. A volume owned by another user, who lets us write, has to be left
    // as it is.
    fn close_to_others(&self, lock: &Path) {
        for (path, mode) in [(self.path(), 0o700), (lock, 0o600)] {
            let is_open = fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0);
            if is_open && let Err(error) = fs::set_permissions(path, Permissions::from_mode(mode)) {
                tracing::warn!(
                    "`{}` is open to others and cannot be closed: {error}; hint: make it this user's own, with mode {mode:o}",
                    path.display()
                );
            }
        }
    }

    /// The directory's path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The SQLite database.
    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("entrepot.db")
    }

    /// The key file, unless the configuration names another one.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.0.join("secret.key")
    }

    /// The socket of a running server, for the local command line.
    pub(crate) fn control(&self) -> PathBuf {
        socket(&self.0)
    }
}

/// The socket path for `directory`, whether or not it exists.
pub(crate) fn socket(directory: &Path) -> PathBuf {
    directory.join("control.sock")
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::because(format!("cannot use the data directory `{}`", path.display()), error);
    failure.with_hint("it must be a directory that this user may read and write")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_for_us_alone_and_locked_once() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("a/b");
        assert!(
            DataDir::existing(&path).unwrap_err().to_string().starts_with("there is no data directory `")
        );
        let data = DataDir::make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let lock = data.lock().unwrap();
        assert!(matches!(lock, LockAttempt::Ours(_)) && matches!(data.lock().unwrap(), LockAttempt::Taken));
        drop(lock);
        assert!(matches!(data.lock().unwrap(), LockAttempt::Ours(_)));
    }

    // A19
    #[test]
    fn one_that_was_there_is_closed_to_others() {
        let temporary = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let open = |path: &Path| fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
        fs::write(temporary.path().join("entrepot.lock"), "").unwrap();
        fs::create_dir(temporary.path().join("blobs")).unwrap();
        for path in ["", "entrepot.lock", "blobs"] {
            open(&temporary.path().join(path));
        }
        let data = DataDir::existing(temporary.path()).unwrap();
        assert_eq!(mode(temporary.path()), 0o777);
        let lock = data.lock().unwrap();
        assert!(matches!(lock, LockAttempt::Ours(_)));
        assert_eq!(mode(temporary.path()), 0o700);
        assert_eq!(mode(&temporary.path().join("entrepot.lock")), 0o600);
        // What is content has a digest for a name, and is behind a closed door.
        assert_eq!(mode(&temporary.path().join("blobs")), 0o777);
    }

    #[test]
    fn must_be_a_directory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let told = DataDir::make(file.path()).unwrap_err().to_string();
        assert!(told.ends_with("hint: it must be a directory that this user may read and write"), "{told}");
    }
}
