//! Pins: images that are not evicted, whatever they cost.
//!
//! A pin names a manifest. What that leads to stays with it, and so does what lists it. It may come before its image.

use entrepot_catalog::{NewPin, PinFilter, PinRecord, PinSource, RepoKey};
use entrepot_oci::{Digest, Page, Tag};

use crate::{error::Error, mirror::Mirror};

/// A page of pins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinPage {
    /// The oldest first.
    pub pins: Vec<PinRecord>,
    /// More follow the last one listed.
    pub more: bool,
}

impl Mirror {
    /// Pins images. One that its holder has pinned already gets the new reason and expiry.
    ///
    /// # Errors
    /// The catalog failed; then none is pinned.
    pub async fn pin(&self, pins: &[NewPin]) -> Result<(), Error> {
        self.0.holdings.pin(pins).await
    }

    /// Makes `pins` all that one holder pins, such as a keep list after it was read again: its others end.
    ///
    /// # Errors
    /// The catalog failed; then nothing has changed.
    pub async fn replace_pins(&self, source: PinSource, held_by: &str, pins: &[NewPin]) -> Result<(), Error> {
        self.0.holdings.replace_pins(source, held_by, pins).await
    }

    /// Ends pins: one, all of a holder, all of a source. Returns how many.
    ///
    /// # Errors
    /// The catalog failed.
    pub async fn unpin(&self, filter: &PinFilter) -> Result<u64, Error> {
        self.0.holdings.unpin(filter).await
    }

    /// The manifest that a tag of a repository points at, as far as it is held. No upstream is asked.
    ///
    /// # Errors
    /// It is not held, or the catalog failed.
    pub async fn held_digest(&self, key: &RepoKey, tag: &Tag) -> Result<Digest, Error> {
        let held = self.0.holdings.tag(key, tag, self.0.clock.now()).await?;
        let unknown = || Error::ManifestUnknown { name: key.to_string(), reference: tag.to_string() };
        held.map(|state| state.digest).ok_or_else(unknown)
    }

    /// Lists pins; the page's mark is the key of one.
    ///
    /// # Errors
    /// The catalog failed.
    pub async fn pins(&self, filter: &PinFilter, page: &Page) -> Result<PinPage, Error> {
        let listing = self.0.holdings.pins(filter, page).await?;
        Ok(PinPage { pins: listing.rows, more: listing.more })
    }
}
