//! Directories below which links are not followed and only regular files are opened.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, ErrorKind},
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    path::{Component, Path},
    sync::Arc,
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, mkdirat, openat, statat, unlinkat},
    io::Errno,
};

/// Mode of new directories, before the umask.
const NEW_DIRECTORY: Mode = Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO);
pub(crate) const NEW_FILE: Mode = NEW_DIRECTORY.difference(Mode::XUSR.union(Mode::XGRP).union(Mode::XOTH));

/// An open directory. Paths below it are resolved part by part; a part that is a link or leads upward is an error. So
/// a file below it is always inside it, whatever another user put there.
///
/// `openat2` could do the same in one call, but only on Linux, and this code would still be needed elsewhere.
#[derive(Clone, Debug)]
pub struct Directory(Arc<OwnedFd>);

/// What to do if a directory on the way is missing.
#[derive(Clone, Copy)]
enum MissingParent {
    Make,
    Fail,
}

/// Opens a regular file at a path that the user chose, following links. Anything else is refused, without blocking
/// on a pipe.
///
/// # Errors
/// The file cannot be opened, or is not a regular file.
pub fn open(path: &Path) -> io::Result<File> {
    regular(openat(CWD, path, reading(), Mode::empty())?)
}

impl Directory {
    /// Opens a directory at a path that the user chose, following links on the way.
    ///
    /// # Errors
    /// It cannot be opened, or is not a directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(Arc::new(openat(CWD, path, flags, Mode::empty())?)))
    }

    /// Like [`Self::open`], but creates the directory if it is missing.
    ///
    /// # Errors
    /// It can be neither opened nor created.
    pub fn make(path: &Path) -> io::Result<Self> {
        if !path.as_os_str().is_empty() {
            fs::create_dir_all(path)?;
        }
        Self::open(path)
    }

    /// The names of its entries.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&*self.0)? {
            let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Opens a file below it for reading.
    ///
    /// # Errors
    /// The file is missing, not a regular file, or behind a link.
    pub fn read(&self, path: &Path) -> io::Result<File> {
        self.open_file(path, reading(), MissingParent::Fail)
    }

    /// Opens a file below it for reading and writing.
    ///
    /// # Errors
    /// The file is missing, not a regular file, or behind a link.
    pub fn update(&self, path: &Path) -> io::Result<File> {
        self.open_file(path, OFlags::RDWR | safe(), MissingParent::Fail)
    }

    /// Like [`Self::update`], but creates the file if it is missing.
    ///
    /// # Errors
    /// It is not a regular file, is behind a link, or cannot be created.
    pub fn update_or_make(&self, path: &Path) -> io::Result<File> {
        self.open_file(path, OFlags::RDWR | OFlags::CREATE | safe(), MissingParent::Make)
    }

    /// True if there is a regular file at `path`; links are not followed.
    ///
    /// # Errors
    /// The path cannot be examined.
    pub fn has(&self, path: &Path) -> io::Result<bool> {
        let found = self.above(path, MissingParent::Fail).and_then(|(directory, name)| directory.kind(name));
        match found {
            Ok(kind) => Ok(kind == FileType::RegularFile),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes a file or a link below it.
    ///
    /// # Errors
    /// It is missing or cannot be removed.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        let (directory, name) = self.above(path, MissingParent::Fail)?;
        Ok(unlinkat(&*directory.0, name, AtFlags::empty())?)
    }

    /// The parent directory of `path`, created if needed, and the file's name in it.
    pub(crate) fn place<'p>(&self, path: &'p Path) -> io::Result<(Self, &'p OsStr)> {
        self.above(path, MissingParent::Make)
    }

    pub(crate) fn handle(&self) -> &OwnedFd {
        &self.0
    }

    fn open_file(&self, path: &Path, flags: OFlags, missing: MissingParent) -> io::Result<File> {
        let (directory, name) = self.above(path, missing)?;
        let opened = openat(&*directory.0, name, flags | OFlags::NOFOLLOW, NEW_FILE);
        regular(opened.map_err(|error| directory.why(name, error))?)
    }

    // The parent directory of a path, and the path's last part.
    fn above<'p>(&self, path: &'p Path, missing: MissingParent) -> io::Result<(Self, &'p OsStr)> {
        let (mut directory, mut last) = (self.clone(), None);
        for part in path.components() {
            let name = match part {
                Component::CurDir => continue,
                Component::Normal(name) => name,
                _ => return Err(io::Error::new(ErrorKind::InvalidInput, "it leads out of the directory")),
            };
            if let Some(above) = last.replace(name) {
                directory = directory.below(above, missing)?;
            }
        }
        let last = last.ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "it is no name of a file"))?;
        Ok((directory, last))
    }

    fn below(&self, name: &OsStr, missing: MissingParent) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || openat(&*self.0, name, flags, Mode::empty());
        let opened = match (open(), missing) {
            (Err(Errno::NOENT), MissingParent::Make) => match mkdirat(&*self.0, name, NEW_DIRECTORY) {
                Ok(()) | Err(Errno::EXIST) => open(),
                Err(error) => Err(error),
            },
            (opened, _) => opened,
        };
        opened.map(|handle| Self(Arc::new(handle))).map_err(|error| self.why(name, error))
    }

    fn kind(&self, name: &OsStr) -> io::Result<FileType> {
        let found = statat(&*self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileType::from_raw_mode(found.st_mode))
    }

    // Systems report a link with different error numbers.
    fn why(&self, name: &OsStr, error: Errno) -> io::Error {
        match self.kind(name) {
            Ok(FileType::Symlink) => {
                let name = name.to_string_lossy();
                io::Error::other(format!("`{name}` is a link, and links are not followed here"))
            }
            _ => error.into(),
        }
    }
}

fn reading() -> OFlags {
    OFlags::RDONLY | safe()
}

// Do not block on a pipe without a writer, and do not acquire a controlling terminal.
fn safe() -> OFlags {
    OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC
}

fn regular(handle: OwnedFd) -> io::Result<File> {
    let file = File::from(handle);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
