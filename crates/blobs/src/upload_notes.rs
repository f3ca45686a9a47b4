//! Notes about uploads in parts: what a killed process began, the next one aborts.
//!
//! A service can list such uploads too, but not every one does, and a bucket may be shared with others.

use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use object_store::{MultipartId, path::Path};
use uuid::Uuid;

use crate::{
    error::Error,
    files::{self, blocking},
};

/// How the files' names begin, in the directory of staged files.
const NAME: &str = "parts-";

/// The notes in a directory.
pub(crate) struct UploadNotes {
    dir: PathBuf,
    // Those of uploads that have to be aborted.
    left: Mutex<Vec<UploadNote>>,
}

/// The note about one upload.
#[derive(Clone, Debug)]
pub(crate) struct UploadNote {
    file: PathBuf,
    /// The object that the upload is to become.
    pub(crate) object: Path,
    /// The service's name for the upload.
    pub(crate) id: MultipartId,
}

impl UploadNotes {
    /// Reads the notes that an earlier process left.
    pub(crate) fn open(dir: PathBuf) -> Result<Self, Error> {
        let mut left = Vec::new();
        for entry in fs::read_dir(&dir).map_err(Error::at("list"))? {
            let file = entry.map_err(Error::at("list"))?.path();
            if !file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(NAME.as_bytes())) {
                continue;
            }
            let text = fs::read_to_string(&file).map_err(Error::at("read"))?;
            match text.split_once('\n') {
                Some((object, id)) => {
                    left.push(UploadNote { file, object: Path::from(object), id: id.to_owned() });
                }
                // The process ended while it was written: nothing had been sent yet.
                None => drop(files::remove(&file)?),
            }
        }
        Ok(Self { dir, left: Mutex::new(left) })
    }

    /// Notes that an upload has begun.
    pub(crate) async fn begin(&self, object: &Path, id: &MultipartId) -> Result<UploadNote, Error> {
        let file = self.dir.join(format!("{NAME}{}", Uuid::new_v4()));
        let note = UploadNote { file, object: object.clone(), id: id.clone() };
        let written = note.clone();
        blocking(move || {
            files::write_private(&written.file, format!("{}\n{}", written.object, written.id).as_bytes())
        })
        .await?;
        Ok(note)
    }

    /// The upload is complete or aborted. A note that cannot be removed only costs a request after a restart.
    pub(crate) async fn end(&self, note: UploadNote) {
        if let Err(error) = blocking(move || files::remove(&note.file)).await {
            tracing::warn!(%error, "the note about an upload in parts cannot be removed");
        }
    }

    /// The upload could not be aborted: it will be tried again.
    pub(crate) fn leave(&self, note: UploadNote) {
        self.lock().push(note);
    }

    /// Takes the notes of uploads that have to be aborted.
    pub(crate) fn take_left(&self) -> Vec<UploadNote> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<UploadNote>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
