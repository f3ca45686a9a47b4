//! Space that is kept back on the disk, so that something can be removed when it is full: to remove a record takes space in the
//! database's log.

use std::path::PathBuf;

use rustix::{fs::FallocateFlags, io::Errno};

use crate::{error::Error, files};

/// The space that is kept back, in bytes.
pub const RESERVE: u64 = 32 << 20;

/// A file that is there for its size.
pub(crate) struct Reserve(PathBuf);

impl Reserve {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Takes the space, if it is not taken already.
    pub(crate) fn hold(&self) -> Result<(), Error> {
        if files::len(&self.0)? == Some(RESERVE) {
            return Ok(());
        }
        files::remove(&self.0)?;
        let file = files::create_new(&self.0)?;
        let held = match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, RESERVE) {
            // A file system without preallocation keeps nothing back.
            Ok(()) | Err(Errno::OPNOTSUPP) => return Ok(()),
            Err(errno) => Error::io("reserve", errno.into()),
        };
        files::remove(&self.0)?;
        Err(held)
    }

    /// Gives the space back. Returns whether there was any.
    pub(crate) fn release(&self) -> Result<bool, Error> {
        files::remove(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_held_once_and_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reserve");
        let reserve = Reserve::new(path.clone());
        assert!(!reserve.release().unwrap());
        reserve.hold().unwrap();
        reserve.hold().unwrap();
        assert!(path.exists());
        assert!(reserve.release().unwrap() && !path.exists());
    }
}
