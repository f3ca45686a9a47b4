//! The directory of staged files, from which a restart resumes.

use std::{
    collections::HashMap,
    fs::{self, DirEntry, OpenOptions},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::SystemTime,
};

use uuid::Uuid;

use crate::{
    error::Error,
    files,
    stage_id::StageId,
    staged::{self, Staged, StagedFile},
};

pub(crate) struct Staging {
    dir: PathBuf,
    // All users of a file share one `Staged`, since they must agree on what may still be done to it.
    live: Mutex<HashMap<StageId, Weak<StagedFile>>>,
}

impl Staging {
    /// Opens the directory, creating it if needed, and removes incomplete leftovers of a crash.
    pub(crate) fn open(dir: PathBuf) -> Result<Self, Error> {
        files::create_dir(&dir)?;
        let this = Self { dir, live: Mutex::default() };
        this.sweep()?;
        files::sync_dir(&this.dir)?;
        Ok(this)
    }

    /// A new, empty file, replacing any existing one.
    pub(crate) fn stage(&self, id: &StageId) -> Result<Staged, Error> {
        let mut live = self.lock();
        self.clear(&live, id)?;
        let path = self.path(id);
        let file = files::create_new(&path)?;
        Ok(register(&mut live, Staged::new(id.clone(), path, file)))
    }

    /// The existing file.
    pub(crate) fn staged(&self, id: &StageId) -> Result<Option<Staged>, Error> {
        let mut live = self.lock();
        if let Some(staged) = current(&live, id) {
            return Ok(Some(staged));
        }
        let path = self.path(id);
        let file = files::there(OpenOptions::new().read(true).write(true).open(&path), "open")?;
        Ok(file.map(|file| register(&mut live, Staged::new(id.clone(), path, file))))
    }

    /// All files with their modification times.
    pub(crate) fn list(&self) -> Result<Vec<(StageId, SystemTime)>, Error> {
        let mut found = Vec::new();
        for (entry, name) in self.entries()? {
            let Some(id) = StageId::parse(&name) else { continue };
            // It may have been committed since the directory was read.
            let Some(metadata) = files::there(entry.metadata(), "stat")? else { continue };
            found.push((id, metadata.modified().map_err(Error::at("stat"))?));
        }
        Ok(found)
    }

    /// Removes the file, if it exists.
    pub(crate) fn discard(&self, id: &StageId) -> Result<(), Error> {
        let live = self.lock();
        self.clear(&live, id)
    }

    /// A path for a file that is renamed or removed at once; a restart removes leftovers.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.dir.join(format!("put-{}", Uuid::new_v4()))
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn clear(&self, live: &HashMap<StageId, Weak<StagedFile>>, id: &StageId) -> Result<(), Error> {
        if let Some(staged) = current(live, id) {
            staged.retire()?;
        }
        staged::remove(&self.path(id))
    }

    fn sweep(&self) -> Result<(), Error> {
        for (entry, name) in self.entries()? {
            let orphan = match name.strip_suffix(".json") {
                Some(file) => files::len(&self.dir.join(file))?.is_none(),
                None => name.starts_with("put-") || name.ends_with(".json.tmp"),
            };
            if orphan {
                files::remove(&entry.path())?;
            } else if name.ends_with(".json") {
                files::make_private(&entry.path())?;
            }
        }
        Ok(())
    }

    fn entries(&self) -> Result<Vec<(DirEntry, String)>, Error> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(Error::at("list"))? {
            let entry = entry.map_err(Error::at("list"))?;
            if let Ok(name) = entry.file_name().into_string() {
                entries.push((entry, name));
            }
        }
        Ok(entries)
    }

    fn path(&self, id: &StageId) -> PathBuf {
        self.dir.join(id.to_string())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StageId, Weak<StagedFile>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn current(live: &HashMap<StageId, Weak<StagedFile>>, id: &StageId) -> Option<Staged> {
    live.get(id).and_then(Weak::upgrade).map(Staged::from_inner).filter(Staged::is_current)
}

fn register(live: &mut HashMap<StageId, Weak<StagedFile>>, staged: Staged) -> Staged {
    live.retain(|_, other| other.strong_count() > 0);
    live.insert(staged.id().clone(), Arc::downgrade(staged.inner()));
    staged
}
