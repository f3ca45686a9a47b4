//! Pins: what a list keeps is not evicted while it is on the list.

use std::{
    collections::{BTreeSet, HashMap},
    time::SystemTime,
};

use entrepot_catalog::{NewPin, PinFilter, PinSource, RepoKey};
use entrepot_oci::{Digest, Page};

use crate::{error::Error, expand::after, keeper::Keeper, list::KeepList};

/// How many rows are read at a time.
const ROWS: usize = 1000;

/// The pin of an image by a list.
pub(crate) fn pin(list: &str, key: &RepoKey, digest: Digest) -> NewPin {
    NewPin {
        key: key.clone(),
        digest,
        source: PinSource::Kept,
        held_by: list.to_owned(),
        reason: format!("keep list `{list}`"),
        expires: None,
    }
}

impl Keeper {
    /// Makes what is kept of `images` all that a list pins: what left the list may be evicted, and so may what a tag
    /// pointed at before.
    pub(crate) async fn pin_only(&self, list: &str, images: &HashMap<String, RepoKey>) -> Result<(), Error> {
        let catalog = &self.0.catalog;
        let (mut pins, mut last_read) = (Vec::new(), String::new());
        loop {
            let page = catalog.keep_images((list, &last_read), None, ROWS).await?;
            for row in &page.rows {
                if let (Some(digest), Some(key)) = (row.digest, images.get(&row.image)) {
                    pins.push(pin(list, key, digest));
                }
            }
            match page.rows.last().filter(|_| page.more) {
                Some(last) => last_read.clone_from(&last.image),
                None => break,
            }
        }
        Ok(catalog.replace_pins(PinSource::Kept, list, &pins, SystemTime::now()).await?)
    }

    /// Ends the pins of lists that are no more.
    pub(crate) async fn unpin_gone(&self, lists: &[KeepList]) -> Result<(), Error> {
        let kept = PinFilter { source: Some(PinSource::Kept), ..PinFilter::default() };
        let mut page = Page::default();
        loop {
            let listed = self.0.catalog.pins(&kept, &page).await?;
            let holders: BTreeSet<&String> = listed.rows.iter().map(|row| &row.pin.held_by).collect();
            for gone in holders.into_iter().filter(|holder| lists.iter().all(|list| list.name != **holder)) {
                let held_by = Some(gone.clone());
                self.0.catalog.unpin(&PinFilter { held_by, ..kept.clone() }).await?;
            }
            match listed.rows.last().filter(|_| listed.more) {
                Some(last) => page = after(&last.id.to_string()),
                None => return Ok(()),
            }
        }
    }
}
