//! Images are denied by command, and who pulled what is written down.

use std::{collections::BTreeMap, time::Duration};

use entrepot_catalog::{Catalog, Error as CatalogError};
use tokio_util::sync::CancellationToken;

use crate::{denials::Denial, rules_in_force::RulesInForce};

/// How often pulls are written down, and how many times that is until what is too old is removed.
const WRITTEN_EVERY: Duration = Duration::from_secs(30);
const TRIMMED_EVERY: u32 = 120;

impl RulesInForce {
    /// Reads what was denied from a catalog, and keeps there what is denied and who pulled what.
    ///
    /// # Errors
    /// The catalog failed.
    pub async fn remember(&self, catalog: Catalog) -> Result<(), CatalogError> {
        let read = catalog.denials().await?.into_iter().filter_map(Denial::read);
        let read: BTreeMap<_, _> = read.map(|denial| (denial.image().to_owned(), denial)).collect();
        self.denials().change(|all| *all = read);
        // Whoever gives a second one is not heard: rules do not change places.
        let _ = self.denials().catalog.set(catalog);
        self.combine();
        Ok(())
    }

    /// Writes down who pulled what, until `stop`, where that is recorded.
    pub async fn record_pulls(&self, stop: CancellationToken) {
        for nth in 0.. {
            let is_over = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(WRITTEN_EVERY) => false,
            };
            let Some(catalog) = self.catalog() else { return };
            let written = self.pullers().write(catalog).await;
            let trimmed = if nth % TRIMMED_EVERY == 0 { self.pullers().trim(catalog).await } else { Ok(0) };
            if let Err(error) = written.and(trimmed) {
                tracing::warn!(%error, "who pulled what could not be written down");
            }
            if is_over {
                return;
            }
        }
    }

    /// The catalog, where there is one.
    pub(crate) fn catalog(&self) -> Option<&Catalog> {
        self.denials().catalog.get()
    }

    /// Denies images at once, also beyond a restart.
    ///
    /// # Errors
    /// The catalog failed, and nothing is denied.
    pub(crate) async fn deny(&self, denial: Denial) -> Result<(), CatalogError> {
        if let Some(catalog) = self.catalog() {
            catalog.put_denial(&denial.record()).await?;
        }
        self.denials().change(|all| drop(all.insert(denial.image().to_owned(), denial)));
        self.combine();
        Ok(())
    }

    /// Takes a denial back. Returns whether it was there.
    ///
    /// # Errors
    /// The catalog failed, and it stays.
    pub(crate) async fn undeny(&self, image: &str) -> Result<bool, CatalogError> {
        if let Some(catalog) = self.catalog() {
            catalog.remove_denial(image).await?;
        }
        let was_there = self.denials().all().contains_key(image);
        self.denials().change(|all| drop(all.remove(image)));
        self.combine();
        Ok(was_there)
    }
}
