//! The data directory: made for us alone, and used by one process at a time.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::failure::Failure;

/// The lock on a data directory. Dropping it, or the end of the process, gives it back.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

/// What became of an attempt to lock a data directory.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// It is ours: work in it.
    Ours(Lock),
    /// Another process works in it: talk to that one, or give up.
    Taken,
}

/// A data directory that is there.
#[derive(Clone, Debug)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// Takes the directory, making it (for this user only) if it is not there.
    pub(crate) fn make(path: &Path) -> Result<Self, Failure> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| unusable(path, &error))?;
        Self::existing(path)
    }

    /// Takes the directory if it is there.
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
    pub(crate) fn lock(&self) -> Result<Attempt, Failure> {
        let path = self.0.join("entrepot.lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(&path).map_err(|error| unusable(&self.0, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Attempt::Ours(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(Attempt::Taken),
            Err(TryLockError::Error(error)) => Err(Failure::because(
                format!("cannot lock the data directory `{}`", self.0.display()),
                &error,
            )
            .with_hint("its file system must support file locks")),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The SQLite database.
    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("entrepot.db")
    }

    /// The socket on which a running server listens to the local command line.
    pub(crate) fn control(&self) -> PathBuf {
        self.0.join("control.sock")
    }
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::because(format!("cannot use the data directory `{}`", path.display()), error);
    failure.with_hint("it must be a directory that this user may read and write")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

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
        assert!(matches!(lock, Attempt::Ours(_)) && matches!(data.lock().unwrap(), Attempt::Taken));
        drop(lock);
        assert!(matches!(data.lock().unwrap(), Attempt::Ours(_)));
    }

    #[test]
    fn must_be_a_directory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let told = DataDir::make(file.path()).unwrap_err().to_string();
        assert!(told.ends_with("hint: it must be a directory that this user may read and write"), "{told}");
    }
}
