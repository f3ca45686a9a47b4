//! File operations that survive a power cut, and access to the threads that may block.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::Error;

/// Runs file work on a thread that may block. It runs to completion even if the caller goes away.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    finished(spawn_blocking(work)).await
}

/// Runs `work` to completion even if the caller goes away.
pub(crate) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    finished(tokio::spawn(work)).await
}

async fn finished<T>(task: JoinHandle<Result<T, Error>>) -> Result<T, Error> {
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => Err(Error::Stopped),
        },
    }
}

/// Creates a directory and its parents, for this user only; an existing one is left as it is.
pub(crate) fn create_dir(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::at("create"))
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(path: &Path) -> Result<(), Error> {
    #[cfg(test)]
    journal::note("sync", path);
    let dir = File::open(path).map_err(Error::at("open"))?;
    dir.sync_all().map_err(Error::at("sync"))
}

/// Creates a file for this user only, open for reading and writing.
pub(crate) fn create_new(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600).open(path).map_err(Error::at("create"))
}

/// Writes a file for this user only, replacing any existing one.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    opened.and_then(|mut file| file.write_all(bytes)).map_err(Error::at("write"))
}

/// Removes other users' access to a file that an older version created.
pub(crate) fn make_private(path: &Path) -> Result<(), Error> {
    let changed = fs::set_permissions(path, Permissions::from_mode(0o600));
    there(changed, "change the mode of").map(drop)
}

/// The file's length; `None` if there is no such file.
pub(crate) fn len(path: &Path) -> Result<Option<u64>, Error> {
    Ok(there(fs::metadata(path), "stat")?.map(|metadata| metadata.len()))
}

/// Removes a file and returns whether there was one.
pub(crate) fn remove(path: &Path) -> Result<bool, Error> {
    Ok(there(fs::remove_file(path), "remove")?.is_some())
}

/// Renames unless `to` exists, and returns whether it was renamed.
pub(crate) fn rename_new(from: &Path, to: &Path) -> Result<bool, Error> {
    #[cfg(test)]
    journal::note("rename", to);
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        // Not every file system supports the flag. Replacing is harmless: both files have the same digest.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => rename(from, to).map(|()| true),
        Err(errno) => Err(Error::io("rename", errno.into())),
    }
}

/// Renames, replacing an existing file.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::at("rename"))
}

/// Turns "not found" into `None`.
pub(crate) fn there<T>(result: io::Result<T>, what: &'static str) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(what, error)),
    }
}

/// Records this thread's file system calls in order, since a unit test cannot cut the power.
#[cfg(test)]
pub(crate) mod journal {
    use std::{
        cell::RefCell,
        path::{Path, PathBuf},
    };

    thread_local! {
        static CALLS: RefCell<Vec<(&'static str, PathBuf)>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn note(call: &'static str, path: &Path) {
        CALLS.with_borrow_mut(|calls| calls.push((call, path.to_owned())));
    }

    /// The calls since this was last called.
    pub(crate) fn take() -> Vec<(&'static str, PathBuf)> {
        CALLS.take()
    }
}
