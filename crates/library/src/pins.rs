//! What is on the shelf, and what instances run from, is pinned in the mirror: it is not evicted.
//!
//! The pins of an entry or an instance are always made anew from its record, so that none is too much and none is missing,
//! whoever changes it meanwhile. What a crash left out is made up for at the next start.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_catalog::{
    EntryCursor, EntryFilter, EntryOrder, EntryRecord, InstanceFilter, InstanceRecord, NewPin, PinFilter,
    PinSource,
};
use entrepot_oci::{Page, Reference};

use crate::{entries::EntryError, instances::Snapshot, library::Library, pulls::LibraryImage};

/// How many rows are read at a time.
const ROWS: usize = 500;

/// What pins an image for the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PinHolder {
    /// An entry, by its id.
    Entry(i64),
    /// An instance, by its id.
    Instance(i64),
}

/// Each holder that pins something, and what.
type Pins = BTreeMap<PinHolder, NewPin>;

impl PinHolder {
    /// What its pins are said to come from.
    const SOURCES: [PinSource; 2] = [PinSource::Shelf, PinSource::Instance];

    fn source(self) -> PinSource {
        match self {
            Self::Entry(_) => PinSource::Shelf,
            Self::Instance(_) => PinSource::Instance,
        }
    }

    /// Its id as pins have it.
    fn id(self) -> String {
        match self {
            Self::Entry(id) | Self::Instance(id) => id.to_string(),
        }
    }

    // `None` if the library does not pin so.
    fn of(pin: &NewPin) -> Option<Self> {
        let id = pin.held_by.parse().ok()?;
        match pin.source {
            PinSource::Shelf => Some(Self::Entry(id)),
            PinSource::Instance => Some(Self::Instance(id)),
            PinSource::Requested | PinSource::Kept | PinSource::Hand => None,
        }
    }

    fn pin(self, image: &LibraryImage, reason: String) -> Option<NewPin> {
        let Reference::Digest(digest) = image.reference() else { return None };
        let (key, digest) = (image.key().clone(), *digest);
        Some(NewPin { key, digest, source: self.source(), held_by: self.id(), reason, expires: None })
    }
}

/// What an entry pins: the image that its address led to at the last check, while it is on the shelf.
fn entry_pin(entry: &EntryRecord) -> Option<NewPin> {
    let image = LibraryImage::of_entry(entry).filter(|_| entry.fields.is_on_shelf)?;
    PinHolder::Entry(entry.id).pin(&image, format!("entry `{}` is on the shelf", entry.fields.name))
}

/// What an instance pins: the image that it is made of at its next start.
fn instance_pin(instance: &InstanceRecord) -> Option<NewPin> {
    let image = Snapshot::read(&instance.snapshot).ok()?.image()?;
    PinHolder::Instance(instance.id)
        .pin(&image, format!("instance `{}` of {} runs from it", instance.name, instance.owner))
}

/// The holders whose pins are not what they should be.
fn wrong(wanted: &Pins, held: &BTreeMap<PinHolder, Vec<NewPin>>) -> Vec<PinHolder> {
    let all: BTreeSet<PinHolder> = wanted.keys().chain(held.keys()).copied().collect();
    let is_right = |holder: &PinHolder| {
        wanted.get(holder).map_or(&[][..], std::slice::from_ref)
            == held.get(holder).map_or(&[][..], Vec::as_slice)
    };
    all.into_iter().filter(|holder| !is_right(holder)).collect()
}

impl Library {
    /// Makes pins and library agree again, as at every start: a crash may have left out some.
    ///
    /// # Errors
    /// The database failed; then what was not reached is as it was.
    pub async fn settle_pins(&self) -> Result<(), EntryError> {
        let _one = self.0.pins.lock().await;
        let wanted = self.wanted_pins().await?;
        for holder in wrong(&wanted, &self.held_pins().await?) {
            self.set_pins(holder, wanted.get(&holder)).await?;
        }
        Ok(())
    }

    /// Makes the pins of a holder what its record says: none if there is none. What fails is made up for at the next start.
    pub(crate) async fn repin(&self, holder: PinHolder) {
        let _one = self.0.pins.lock().await;
        if let Err(error) = self.try_repin(holder).await {
            tracing::warn!(?holder, %error, "an image of the library cannot be pinned");
        }
    }

    async fn try_repin(&self, holder: PinHolder) -> Result<(), EntryError> {
        let wanted = match holder {
            PinHolder::Entry(id) => self.0.catalog.entry(id).await?.as_ref().and_then(entry_pin),
            PinHolder::Instance(id) => self.0.catalog.instance(id).await?.as_ref().and_then(instance_pin),
        };
        self.set_pins(holder, wanted.as_ref()).await
    }

    async fn set_pins(&self, holder: PinHolder, wanted: Option<&NewPin>) -> Result<(), EntryError> {
        let pins = wanted.map_or(&[][..], std::slice::from_ref);
        let replaced = self.0.mirror.replace_pins(holder.source(), &holder.id(), pins).await;
        replaced.map_err(EntryError::Mirror)
    }

    async fn wanted_pins(&self) -> Result<Pins, EntryError> {
        let catalog = &self.0.catalog;
        let mut pins = Pins::new();
        let on_shelf = EntryFilter { is_on_shelf: Some(true), ..EntryFilter::default() };
        let mut after: Option<EntryCursor> = None;
        loop {
            let page = catalog.find_entries(&on_shelf, EntryOrder::Oldest, after.as_ref(), ROWS).await?;
            let of = |entry: &EntryRecord| Some((PinHolder::Entry(entry.id), entry_pin(entry)?));
            pins.extend(page.rows.iter().filter_map(of));
            match page.rows.last().filter(|_| page.more) {
                Some(last) => after = Some(EntryCursor { id: last.id, name: last.fields.name.clone() }),
                None => break,
            }
        }
        let mut filter = InstanceFilter::default();
        loop {
            let page = catalog.instances(&filter, ROWS).await?;
            let of = |one: &InstanceRecord| Some((PinHolder::Instance(one.id), instance_pin(one)?));
            pins.extend(page.rows.iter().filter_map(of));
            match page.rows.last().filter(|_| page.more) {
                Some(last) => filter.before = Some(last.id),
                None => return Ok(pins),
            }
        }
    }

    async fn held_pins(&self) -> Result<BTreeMap<PinHolder, Vec<NewPin>>, EntryError> {
        let mut held: BTreeMap<PinHolder, Vec<NewPin>> = BTreeMap::new();
        for source in PinHolder::SOURCES {
            let filter = PinFilter { source: Some(source), ..PinFilter::default() };
            let mut page = Page::default();
            loop {
                let listed = self.0.mirror.pins(&filter, &page).await.map_err(EntryError::Mirror)?;
                let last = listed.pins.last().map(|last| last.id.to_string());
                for record in listed.pins {
                    if let Some(holder) = PinHolder::of(&record.pin) {
                        held.entry(holder).or_default().push(record.pin);
                    }
                }
                match last.filter(|_| listed.more) {
                    Some(last) => page = page.following(&last),
                    None => break,
                }
            }
        }
        Ok(held)
    }
}
