//! Directories below which no link is followed, and nothing but regular files is opened.

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

/// Who may use what is made here; the umask takes away from it.
const NEW_DIRECTORY: Mode = Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO);
pub(crate) const NEW_FILE: Mode = NEW_DIRECTORY.difference(Mode::XUSR.union(Mode::XGRP).union(Mode::XOTH));

/// An open directory. Paths below it are walked part by part: a part that is a link, or leads upward, is an error. So
/// files below it are in it, whatever somebody put there before.
///
/// `openat2` could do the same in one call, but only on Linux, and this would be needed beside it.
#[derive(Clone, Debug)]
pub struct Directory(Arc<OwnedFd>);

/// What becomes of a directory on the way that is missing.
#[derive(Clone, Copy)]
enum Missing {
    Make,
    Fail,
}

/// Opens a file that the user named, so that a link to it is followed. Nothing but a regular file is opened, and a pipe is
/// not waited for.
///
/// # Errors
/// It cannot be opened, or is something else.
pub fn open(path: &Path) -> io::Result<File> {
    regular(openat(CWD, path, reading(), Mode::empty())?)
}

impl Directory {
    /// Opens the directory at a path that the user named: links on the way there are followed.
    ///
    /// # Errors
    /// It cannot be opened, or is not a directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(Arc::new(openat(CWD, path, flags, Mode::empty())?)))
    }

    /// The same, and makes it if it is missing.
    ///
    /// # Errors
    /// It can be neither opened nor made.
    pub fn make(path: &Path) -> io::Result<Self> {
        if !path.as_os_str().is_empty() {
            fs::create_dir_all(path)?;
        }
        Self::open(path)
    }

    /// The names in it.
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

    /// Opens a file below it, to be read.
    ///
    /// # Errors
    /// It is not there, or not a regular file, or behind a link.
    pub fn read(&self, path: &Path) -> io::Result<File> {
        self.open_file(path, reading(), Missing::Fail)
    }

    /// Opens a file below it, to be read and written.
    ///
    /// # Errors
    /// It is not there, or not a regular file, or behind a link.
    pub fn update(&self, path: &Path) -> io::Result<File> {
        self.open_file(path, OFlags::RDWR | safe(), Missing::Fail)
    }

    /// The same, and makes it if it is missing.
    ///
    /// # Errors
    /// It is not a regular file, or behind a link, or cannot be made.
    pub fn update_or_make(&self, path: &Path) -> io::Result<File> {
        self.open_file(path, OFlags::RDWR | OFlags::CREATE | safe(), Missing::Make)
    }

    /// Whether a regular file is there; what a link leads to is not.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn has(&self, path: &Path) -> io::Result<bool> {
        let found = self.above(path, Missing::Fail).and_then(|(directory, name)| directory.kind(name));
        match found {
            Ok(kind) => Ok(kind == FileType::RegularFile),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes a file below it, or a link.
    ///
    /// # Errors
    /// It is not there, or cannot be removed.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        let (directory, name) = self.above(path, Missing::Fail)?;
        Ok(unlinkat(&*directory.0, name, AtFlags::empty())?)
    }

    /// The directory in which a file below this one is to be, made if need be, and the name of the file there.
    pub(crate) fn place<'p>(&self, path: &'p Path) -> io::Result<(Self, &'p OsStr)> {
        self.above(path, Missing::Make)
    }

    pub(crate) fn handle(&self) -> &OwnedFd {
        &self.0
    }

    fn open_file(&self, path: &Path, flags: OFlags, missing: Missing) -> io::Result<File> {
        let (directory, name) = self.above(path, missing)?;
        let opened = openat(&*directory.0, name, flags | OFlags::NOFOLLOW, NEW_FILE);
        regular(opened.map_err(|error| directory.why(name, error))?)
    }

    // The directory that a path leads to, and its last part.
    fn above<'p>(&self, path: &'p Path, missing: Missing) -> io::Result<(Self, &'p OsStr)> {
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

    fn below(&self, name: &OsStr, missing: Missing) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || openat(&*self.0, name, flags, Mode::empty());
        let opened = match (open(), missing) {
            (Err(Errno::NOENT), Missing::Make) => match mkdirat(&*self.0, name, NEW_DIRECTORY) {
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

    // Systems say in different ways that something is a link.
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

// A pipe without a writer is not waited for, and a terminal does not become ours.
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
