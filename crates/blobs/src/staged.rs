//! A file that is to become a blob: written at any offset, read while it grows, kept across restarts.

use std::{
    fmt,
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::{fs::FallocateFlags, io::Errno};

use crate::{error::Error, files, mapping::Mapping, stage_id::StageId};

/// An open staged file. Cheap to clone; all clones share the file.
///
/// Methods that are not `async` make system calls on the calling thread: call them from a thread that may block, or
/// for few bytes at a time.
#[derive(Clone)]
pub struct Staged(Arc<StagedFile>);

pub(crate) struct StagedFile {
    id: StageId,
    path: PathBuf,
    file: Arc<File>,
    state: Mutex<StagedState>,
}

struct StagedState {
    phase: Phase,
    mapped: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Committing,
    Gone,
}

impl Staged {
    pub(crate) fn new(id: StageId, path: PathBuf, file: File) -> Self {
        let state = Mutex::new(StagedState { phase: Phase::Open, mapped: false });
        Self(Arc::new(StagedFile { id, path, file: Arc::new(file), state }))
    }

    pub(crate) fn inner(&self) -> &Arc<StagedFile> {
        &self.0
    }

    pub(crate) fn from_inner(inner: Arc<StagedFile>) -> Self {
        Self(inner)
    }

    /// Its id.
    pub fn id(&self) -> &StageId {
        &self.0.id
    }

    /// The file's length in bytes, including reserved ones.
    pub fn len(&self) -> Result<u64, Error> {
        Ok(self.0.file.metadata().map_err(Error::at("stat"))?.len())
    }

    /// True if the file is empty.
    pub fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.len()? == 0)
    }

    /// Extends the file to `size` bytes, if it is shorter, and allocates disk space for them.
    /// On a file system without preallocation, only the length changes.
    ///
    /// [`Error::Full`] if there is not enough space.
    pub fn reserve(&self, size: u64) -> Result<(), Error> {
        let _state = self.open()?;
        if size == 0 {
            return Ok(());
        }
        loop {
            match rustix::fs::fallocate(&*self.0.file, FallocateFlags::empty(), 0, size) {
                Ok(()) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP) => return self.grow(size),
                Err(errno) => return Err(Error::io("reserve", errno.into())),
            }
        }
    }

    fn grow(&self, size: u64) -> Result<(), Error> {
        if size > self.len()? { self.0.file.set_len(size).map_err(Error::at("reserve")) } else { Ok(()) }
    }

    /// Sets the file's length to `size` bytes. [`Error::Mapped`] if that removes bytes a reader may hold.
    pub fn truncate(&self, size: u64) -> Result<(), Error> {
        let state = self.open()?;
        if state.mapped && size < self.len()? {
            return Err(Error::Mapped { id: self.0.id.clone() });
        }
        self.0.file.set_len(size).map_err(Error::at("truncate"))
    }

    /// Writes all of `bytes` at `offset`. [`Error::Full`] if the disk is full.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        // The lock is not held while writing: several writers fill different parts at the same time.
        drop(self.open()?);
        self.0.file.write_all_at(bytes, offset).map_err(Error::at("write"))
    }

    /// Reads bytes at `offset`; returns 0 at the end of the file. Works after a commit, too.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        self.0.file.read_at(buffer, offset).map_err(Error::at("read"))
    }

    /// Maps the file at its current length: after [`Self::reserve`], readers follow its growth through the mapping.
    ///
    /// Unwritten bytes read as zeros, so readers must be told how far they may read.
    pub fn map(&self) -> Result<Mapping, Error> {
        self.lock().mapped = true;
        Mapping::of(Arc::clone(&self.0.file))
    }

    /// The note stored next to the file, if there is one.
    pub async fn note(&self) -> Result<Option<Vec<u8>>, Error> {
        let path = self.note_path();
        files::blocking(move || files::there(fs::read(path), "read")).await
    }

    /// Stores a small document next to the file, replacing the previous one. It survives a restart of the process;
    /// after a power cut it may be older or newer than the file.
    pub async fn set_note(&self, bytes: &[u8]) -> Result<(), Error> {
        let (this, bytes) = (self.clone(), bytes.to_vec());
        files::blocking(move || {
            // The lock is held while writing: one note at a time, and none after the file is gone.
            let _state = this.open()?;
            let note = this.note_path();
            let scratch = note.with_extension("json.tmp");
            let kept = files::write_private(&scratch, &bytes);
            let kept = kept.and_then(|()| files::rename(&scratch, &note));
            if kept.is_err() {
                // Report the original failure; the next start removes what this could not.
                let _ = files::remove(&scratch);
            }
            kept
        })
        .await
    }

    /// Claims the file for a commit: from now on it cannot be changed.
    pub(crate) fn claim(&self) -> Result<Claim, Error> {
        self.open()?.phase = Phase::Committing;
        Ok(Claim(self.clone()))
    }

    /// Detaches the file from its name, so that it can be removed; fails during a commit.
    pub(crate) fn retire(&self) -> Result<(), Error> {
        self.open()?.phase = Phase::Gone;
        Ok(())
    }

    /// True if the name in the staging directory still refers to this file: it was not committed, discarded or
    /// replaced.
    pub fn is_current(&self) -> bool {
        self.lock().phase != Phase::Gone
    }

    /// Makes the file's bytes durable. After an error they must be given up: the kernel reports it only once.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.0.file.sync_data().map_err(Error::at("sync"))
    }

    fn open(&self) -> Result<MutexGuard<'_, StagedState>, Error> {
        let state = self.lock();
        match state.phase {
            Phase::Open => Ok(state),
            Phase::Committing | Phase::Gone => Err(Error::Closed { id: self.0.id.clone() }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, StagedState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_path(&self) -> PathBuf {
        note_path(&self.0.path)
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Staged").field(&self.0.id).finish()
    }
}

/// Path of a staged file's note.
pub(crate) fn note_path(path: &Path) -> PathBuf {
    path.with_extension("json")
}

/// Removes a staged file and its note. The note goes last: without its file it is meaningless.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    files::remove(path)?;
    files::remove(&note_path(path))?;
    Ok(())
}

/// A staged file during its commit. If it is dropped without [`Claim::done`], the file is open again and the commit
/// can be retried.
pub(crate) struct Claim(Staged);

impl Claim {
    pub(crate) fn staged(&self) -> &Staged {
        &self.0
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0.0.path
    }

    /// The file is no longer needed, or was renamed away: removes the leftovers.
    pub(crate) fn done(self) {
        // Held until the name is free: no new file may get it before.
        let mut state = self.0.lock();
        if let Err(error) = remove(self.path()) {
            // The blob is safe; a later start or discard removes the rest.
            tracing::warn!(id = %self.0.0.id, %error, "cannot remove a staged file");
        }
        state.phase = Phase::Gone;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if state.phase == Phase::Committing {
            state.phase = Phase::Open;
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_full_device_is_full() {
        let device = fs::OpenOptions::new().read(true).write(true).open("/dev/full").unwrap();
        let id = StageId::Upload(Uuid::new_v4());
        let staged = Staged::new(id, PathBuf::from("/dev/full"), device);
        assert!(matches!(staged.write_at(0, b"x"), Err(Error::Full)));
    }
}
