//! Files that are made under a name that nobody can know, and renamed when they are whole.

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

/// How the names of files begin that are not whole.
pub const DRAFT: &str = ".draft-";

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone.
    Owner,
    /// Whoever the umask leaves.
    Usual,
}

/// A file on its way. Dropped before it has its name, it is removed.
///
/// `tempfile` is not used for this: its files are reached by their whole paths, and these are where a [`Directory`] is.
#[derive(Debug)]
pub struct Draft {
    /// Where it is for now, and its name there.
    home: Directory,
    name: String,
    /// Where it is to be, and its name there.
    goal: Directory,
    target: OsString,
    file: File,
    is_placed: bool,
}

impl Draft {
    /// Begins a file that is to be at `path`, which the user named.
    ///
    /// # Errors
    /// There can be no file there.
    pub fn at(path: &Path, readers: Readers) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        Self::below(&Directory::open(path.parent().unwrap_or(Path::new("")))?, Path::new(name), readers)
    }

    /// Begins a file that is to be at `path` below a directory; directories on the way there are made.
    ///
    /// # Errors
    /// There can be no file there.
    pub fn below(directory: &Directory, path: &Path, readers: Readers) -> io::Result<Self> {
        let (goal, target) = directory.place(path)?;
        Self::begin(goal.clone(), (goal, target), readers)
    }

    /// The same, and until it is whole it lies in the directory itself, so that what a killed process left is found there.
    ///
    /// # Errors
    /// There can be no file there.
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

    /// The file, to be written.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where it is as long as it is not whole, if it is to be at `path`: for others who write it.
    pub fn beside(&self, path: &Path) -> PathBuf {
        path.with_file_name(&self.name)
    }

    /// Gives it its name, in the place of what is there; a link gives way, and what it leads to stays as it is.
    ///
    /// # Errors
    /// It cannot be made durable, or cannot have the name.
    pub fn replace(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        renameat(self.home.handle(), &self.name, self.goal.handle(), &self.target)?;
        self.is_placed = true;
        Ok(())
    }

    /// Gives it its name, unless something is there.
    ///
    /// # Errors
    /// Something is there ([`io::ErrorKind::AlreadyExists`]), or it cannot be made durable, or cannot have the name.
    pub fn put_new(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        let (home, name, goal, target) = (self.home.handle(), &self.name, self.goal.handle(), &self.target);
        match renameat_with(home, name, goal, target, RenameFlags::NOREPLACE) {
            Ok(()) => self.is_placed = true,
            // Not every file system knows the flag. A second name does the same, and the first one goes with the draft.
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
            // What is left of it may have a secret in it.
            let _ = unlinkat(self.home.handle(), &self.name, AtFlags::empty());
        }
    }
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
