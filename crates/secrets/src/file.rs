//! The file that a keyring is kept in.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use entrepot_files::{DRAFT, Draft, Readers};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::{key::KeyError, keyring::Keyring};

/// A key file is a few lines; anything larger is something else.
const MAX_SIZE: u64 = 64 << 10;

/// A key file. What it holds is only as safe as the file: it must not be stored with the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
}

/// An opened key file.
#[derive(Debug)]
pub struct OpenedKeyFile {
    /// Its keys.
    pub keyring: Keyring,
    /// What its owner should know.
    pub warning: Option<Warning>,
    /// Whether it was created just now.
    pub is_new: bool,
}

/// What the owner of a key file should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Other users of this machine can read it.
    ReadableByOthers,
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It does not exist.
    #[error("the key file `{}` does not exist", .0.display())]
    Missing(PathBuf),
    /// It cannot be read, created or replaced.
    #[error("the key file `{}` cannot be used", path.display())]
    Io {
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It holds something else.
    #[error("the key file `{}` holds no key: {problem}", path.display())]
    Content {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        problem: KeyError,
    },
    /// It is in the data directory, and other users of this machine can read it.
    #[error("the key file `{}` can be read by other users; run `chmod 600 {}`", .0.display(), .0.display())]
    ReadableByOthers(PathBuf),
    /// It was changed by hand since it was read.
    #[error("the key file `{}` has changed since the start", .0.display())]
    Changed(PathBuf),
}

impl KeyFile {
    /// The key file at `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it. A file in the directory `ours` must be closed to others. A file elsewhere may be open to them, with a
    /// warning: volumes that an orchestrator mounts often are.
    ///
    /// # Errors
    /// It is missing, cannot be read, holds no key, or is in `ours` and open to others.
    pub fn open(&self, ours: &Path) -> Result<OpenedKeyFile, FileError> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FileError::Missing(self.path.clone()));
            }
            opened => opened.map_err(|source| self.failed(source))?,
        };
        let about = file.metadata().map_err(|source| self.failed(source))?;
        let is_open_to_others = about.permissions().mode() & 0o077 != 0;
        if is_open_to_others && self.is_below(ours) {
            return Err(FileError::ReadableByOthers(self.path.clone()));
        }
        let keyring = self.parse(&file)?;
        let warning = is_open_to_others.then_some(Warning::ReadableByOthers);
        Ok(OpenedKeyFile { keyring, warning, is_new: false })
    }

    /// Reads it as [`Self::open`] does, or creates it with a new key, readable by its owner alone.
    ///
    /// # Errors
    /// As for [`Self::open`], or it cannot be created.
    pub fn open_or_create(&self, ours: &Path) -> Result<OpenedKeyFile, FileError> {
        match self.open(ours) {
            Err(FileError::Missing(_)) => {
                let keyring = Keyring::generate();
                let draft = self.draft(&keyring)?;
                match draft.put_new() {
                    // Another process was quicker: its key counts.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return self.open(ours),
                    placed => {
                        placed.and_then(|()| self.sync_directory()).map_err(|source| self.failed(source))?
                    }
                }
                Ok(OpenedKeyFile { keyring, warning: None, is_new: true })
            }
            opened => opened,
        }
    }

    /// Replaces `before` with `after` in one step: after a crash it has either the old keys or the new ones. If it is a
    /// link, the file that the link leads to is replaced.
    ///
    /// # Errors
    /// It holds something other than `before`, or cannot be written.
    pub fn replace(&self, before: &Keyring, after: &Keyring) -> Result<(), FileError> {
        let file = File::open(&self.path).map_err(|source| self.failed(source))?;
        if self.parse(&file)? != *before {
            return Err(FileError::Changed(self.path.clone()));
        }
        let real = Self::new(fs::canonicalize(&self.path).map_err(|source| self.failed(source))?);
        let replaced = real.draft(after)?.replace().and_then(|()| real.sync_directory());
        replaced.map_err(|source| self.failed(source))
    }

    /// Removes what a kill left of a replacement, which has keys in it. Does nothing for a file that is not in `ours`: nobody
    /// else may be at work there.
    pub fn remove_leftovers(&self, ours: &Path) {
        let Some(parent) = self.path.parent().filter(|_| self.is_below(ours)) else { return };
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(DRAFT)) {
            // One that stays is tried again at the next start.
            let _ = fs::remove_file(entry.path());
        }
    }

    fn parse(&self, file: &File) -> Result<Keyring, FileError> {
        let mut text = Zeroizing::new(String::new());
        io::Read::read_to_string(&mut io::Read::take(file, MAX_SIZE), &mut text)
            .map_err(|source| self.failed(source))?;
        Keyring::parse(&text).map_err(|problem| FileError::Content { path: self.path.clone(), problem })
    }

    fn draft(&self, keyring: &Keyring) -> Result<Draft, FileError> {
        let write = || {
            let draft = Draft::at(&self.path, Readers::Owner)?;
            draft.file().write_all(keyring.to_text().expose_secret().as_bytes())?;
            Ok(draft)
        };
        write().map_err(|source| self.failed(source))
    }

    // A rename is durable once its directory is.
    fn sync_directory(&self) -> io::Result<()> {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn is_below(&self, directory: &Path) -> bool {
        let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        real(&self.path).starts_with(real(directory))
    }

    fn failed(&self, source: io::Error) -> FileError {
        FileError::Io { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn it_is_created_once_and_closed_to_others() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::new(directory.path().join("secret.key"));
        assert!(matches!(file.open(directory.path()), Err(FileError::Missing(_))));
        let first = file.open_or_create(directory.path()).unwrap();
        assert!(first.is_new);
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        let second = file.open_or_create(directory.path()).unwrap();
        assert_eq!((second.keyring, second.is_new), (first.keyring, false));
    }

    #[test]
    fn who_else_can_read_it_matters_by_where_it_is() {
        let (data, mounted) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ours = KeyFile::new(data.path().join("secret.key"));
        ours.open_or_create(data.path()).unwrap();
        set_mode(ours.path(), 0o640);
        assert!(matches!(ours.open(data.path()), Err(FileError::ReadableByOthers(_))));
        assert!(matches!(ours.open_or_create(data.path()), Err(FileError::ReadableByOthers(_))));

        let theirs = KeyFile::new(mounted.path().join("secret.key"));
        theirs.open_or_create(data.path()).unwrap();
        set_mode(theirs.path(), 0o444);
        assert_eq!(theirs.open(data.path()).unwrap().warning, Some(Warning::ReadableByOthers));
    }

    #[test]
    fn its_content_is_replaced_as_a_whole() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::new(directory.path().join("secret.key"));
        let before = file.open_or_create(directory.path()).unwrap().keyring;
        let after = before.with_new_key();
        file.replace(&before, &after).unwrap();
        assert_eq!(file.open(directory.path()).unwrap().keyring, after);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_is_no_key_file_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::new(directory.path().join("secret.key"));
        for content in ["", "-----BEGIN PRIVATE KEY-----\n", "entrepot-key-1:abc:AAAA\n"] {
            fs::write(file.path(), content).unwrap();
            set_mode(file.path(), 0o600);
            let error = file.open_or_create(directory.path()).unwrap_err();
            assert!(matches!(error, FileError::Content { .. }), "{error}");
            assert_eq!(fs::read_to_string(file.path()).unwrap(), content);
        }
    }

    #[test]
    fn what_a_kill_left_of_a_replacement_is_removed_from_our_directory_only() {
        let (data, mounted) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for directory in [data.path(), mounted.path()] {
            fs::write(directory.join(".draft-1"), "entrepot-key-1:abc:AAAA\n").unwrap();
            fs::write(directory.join("other"), "").unwrap();
            let file = KeyFile::new(directory.join("secret.key"));
            file.open_or_create(data.path()).unwrap();
            file.remove_leftovers(data.path());
        }
        let count = |directory: &Path| fs::read_dir(directory).unwrap().count();
        assert_eq!((count(data.path()), count(mounted.path())), (2, 3));
    }
}
