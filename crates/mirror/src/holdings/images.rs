//! Totals, lists and removals, by repository and image.

use std::sync::Arc;

use entrepot_catalog::{ImageRow, Listing, RemovedContent, RepoKey, RepositoryRow, Selection, Totals};
use entrepot_oci::Page;

use super::Holdings;
use crate::error::Error;

impl Holdings {
    /// The numbers of everything that is held.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn totals(&self) -> Result<Totals, Error> {
        self.ask_catalog(self.catalog.totals()).await
    }

    /// A page of the repositories whose names start with `prefix`.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn repositories(
        &self,
        prefix: Option<&str>,
        page: &Page,
    ) -> Result<Listing<RepositoryRow>, Error> {
        self.ask_catalog(self.catalog.repositories(page, prefix)).await
    }

    /// A page of a repository's images.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn images(&self, key: &RepoKey, page: &Page) -> Result<Listing<ImageRow>, Error> {
        self.ask_catalog(self.catalog.images(key, page)).await
    }

    /// Removes what is selected of a repository and whatever nothing else needs then. Returns the removed records, and the
    /// number of bytes that were freed.
    ///
    /// # Errors
    /// The store failed. Bytes that were not deleted stay behind without a record.
    pub(crate) async fn remove(
        self: &Arc<Self>,
        key: &RepoKey,
        selection: &Selection,
    ) -> Result<(RemovedContent, u64), Error> {
        let (this, key, selection) = (Arc::clone(self), key.clone(), selection.clone());
        self.to_its_end(async move {
            let removed = this.ask_catalog(this.catalog.remove(&key, &selection)).await?;
            this.memory.forget_repository(&key);
            let freed = this.delete_orphans(&removed.orphans).await?;
            Ok((removed, freed))
        })
        .await
    }
}
