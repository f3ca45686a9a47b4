//! Files that are written under an unpredictable name and renamed once they are complete.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, RenameFlags, linkat, openat, renameat, renameat_with, unlinkat},
    io::Errno,
};
use uuid::Uuid;

use crate::{Directory, directory::NEW_FILE};

/// Prefix of the names of incomplete files.
pub const DRAFT: &str = ".draft-";

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Only the owner.
    Owner,
    /// Everyone the umask permits.
    Usual,
}

/// An incomplete file. If it is dropped before it gets its final name, it is removed.
///
/// `tempfile` does not fit: it addresses files by full path, and these live in a [`Directory`].
#[derive(Debug)]
pub struct Draft {
    /// Where it is now, and its name there.
    home: Directory,
    name: String,
    /// Where it will be, and its name there.
    goal: Directory,
    target: OsString,
    file: File,
    is_placed: bool,
}

impl Draft {
    /// Creates a file that will end up at `path`, which the user chose.
    ///
    /// # Errors
    /// No file can be created there.
    pub fn at(path: &Path, readers: Readers) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        Self::below(&Directory::open(path.parent().unwrap_or(Path::new("")))?, Path::new(name), readers)
    }

    /// Creates a file that will end up at `path` below a directory; missing directories are created.
    ///
    /// # Errors
    /// No file can be created there.
    pub fn below(directory: &Directory, path: &Path, readers: Readers) -> io::Result<Self> {
        let (goal, target) = directory.place(path)?;
        Self::begin(goal.clone(), (goal, target), readers)
    }

    /// Like [`Self::below`], but keeps the incomplete file in `directory` itself, where leftovers of a killed process
    /// are easy to find.
    ///
    /// # Errors
    /// No file can be created there.
    pub fn aside(directory: &Directory, path: &Path, readers: Readers) -> io::Result<Self> {
        Self::begin(directory.clone(), directory.place(path)?, readers)
    }

    fn begin(home: Directory, (goal, target): (Directory, &OsStr), readers: Readers) -> io::Result<Self> {
        let name = format!("{DRAFT}{}", Uuid::new_v4().simple());
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = match readers {
            Readers::Owner => Mode::RUSR | Mode::WUSR,
            Readers::Usual => NEW_FILE,
        };
        let handle = openat(home.handle(), &name, flags, mode)?;
        Ok(Self { home, name, goal, target: target.to_owned(), file: handle.into(), is_placed: false })
    }

    /// The file, for writing.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The current path of the incomplete file if its final path is `path`, for other programs that write it.
    pub fn beside(&self, path: &Path) -> PathBuf {
        path.with_file_name(&self.name)
    }

    /// Renames it to its final name, replacing what is there. A link is replaced; its target is not touched.
    ///
    /// # Errors
    /// It cannot be made durable, or the rename fails.
    pub fn replace(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        renameat(self.home.handle(), &self.name, self.goal.handle(), &self.target)?;
        self.is_placed = true;
        Ok(())
    }

    /// Renames it to its final name, unless that name is taken.
    ///
    /// # Errors
    /// The name is taken ([`io::ErrorKind::AlreadyExists`]), it cannot be made durable, or the rename fails.
    pub fn put_new(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        let (home, name, goal, target) = (self.home.handle(), &self.name, self.goal.handle(), &self.target);
        match renameat_with(home, name, goal, target, RenameFlags::NOREPLACE) {
            Ok(()) => self.is_placed = true,
            // Not every file system supports the flag. A hard link has the same effect; the old name is removed with
            // the draft.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                linkat(home, name, goal, target, AtFlags::empty())?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_placed {
            // The remains may contain a secret.
            let _ = unlinkat(self.home.handle(), &self.name, AtFlags::empty());
        }
    }
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
