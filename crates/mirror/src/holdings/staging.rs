//! Partial files: downloads and uploads that are not complete. They are nobody's content yet, and so no lock guards them.

use std::time::SystemTime;

use entrepot_blobs::{Error, StageId, Staged};

use super::Holdings;

impl Holdings {
    /// Creates an empty partial file; one of that name is replaced.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn stage(&self, id: &StageId) -> Result<Staged, Error> {
        self.blobs.stage(id).await
    }

    /// The partial file of that name, if there is one.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn staged(&self, id: &StageId) -> Result<Option<Staged>, Error> {
        self.blobs.staged(id).await
    }

    /// All partial files, with the time of the last write to each.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn list_staged(&self) -> Result<Vec<(StageId, SystemTime)>, Error> {
        self.blobs.list_staged().await
    }

    /// Deletes a partial file and its note.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn discard_staged(&self, id: &StageId) -> Result<(), Error> {
        self.blobs.discard(id).await
    }
}
