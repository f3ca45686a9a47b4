//! The entry and the spec of an instance as they were when it was made. Pure.
//!
//! Whatever becomes of them later, the instance goes by these.

use entrepot_catalog::{EntryRecord, Origin, RepoKey, SpecRecord, SpecVendor};
use entrepot_oci::Reference;
use serde::{Deserialize, Serialize};

use crate::{
    placement::{CardDemand, Demand, Share, Vendor},
    pulls::LibraryImage,
};

/// The entry and the spec of an instance as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The entry.
    pub entry: EntrySnapshot,
    /// The spec.
    pub spec: SpecSnapshot,
}

/// An entry as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntrySnapshot {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// The registry; empty for images that were pushed here.
    pub host: String,
    /// The repository there.
    pub repository: String,
    /// The image, by its digest.
    pub digest: String,
    /// Whether the memory of cards may be split for it.
    pub memory_split: bool,
    /// Whether an SSH server was seen in it: whoever logs in by that loses the container's environment.
    #[serde(default)]
    pub has_sshd: bool,
}

/// A spec as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecSnapshot {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The cards, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cards: Option<CardSnapshot>,
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The container's own disk in GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_disk_gib: Option<u64>,
    /// Shared memory in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_mib: Option<u64>,
    /// For an hour, in ten-thousandths.
    pub price: u64,
    /// How long it may take to start, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_seconds: Option<u64>,
}

/// The cards of a spec as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardSnapshot {
    /// Whose.
    pub vendor: CardVendor,
    /// Which model; `None` is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How many.
    pub count: u32,
    /// The memory of each in MiB; `None` for whole cards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
    /// The part of the computing units in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_percent: Option<u8>,
    /// The vendor's name of the part of a card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

/// Whose cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardVendor {
    /// NVIDIA.
    Nvidia,
    /// Huawei Ascend.
    Ascend,
}

impl Snapshot {
    /// The entry and the spec as they are; `None` as long as nobody knows which image the entry leads to.
    pub fn of(entry: &EntryRecord, spec: &SpecRecord) -> Option<Self> {
        Some(Self { entry: EntrySnapshot::of(entry)?, spec: SpecSnapshot::of(spec) })
    }

    /// The same spec with another entry as it is; `None` as for [`Self::of`].
    pub(crate) fn with_entry(&self, entry: &EntryRecord) -> Option<Self> {
        Some(Self { entry: EntrySnapshot::of(entry)?, spec: self.spec.clone() })
    }

    /// The image, which is the same for ever; `None` if what was stored of it is none of ours.
    pub(crate) fn image(&self) -> Option<LibraryImage> {
        let EntrySnapshot { host, repository, digest, .. } = &self.entry;
        let origin = if host.is_empty() { Origin::Hosted } else { Origin::Upstream(host.parse().ok()?) };
        let key = RepoKey { origin, repository: repository.parse().ok()? };
        Some(LibraryImage::new(key, Reference::Digest(digest.parse().ok()?)))
    }

    /// What is stored of it.
    pub(crate) fn written(&self) -> String {
        // Texts and numbers always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What was stored.
    ///
    /// # Errors
    /// It is none of ours.
    pub(crate) fn read(text: &str) -> Result<Self, entrepot_catalog::Error> {
        serde_json::from_str(text).map_err(|_| entrepot_catalog::Error::Content { what: "snapshot" })
    }
}

impl EntrySnapshot {
    fn of(entry: &EntryRecord) -> Option<Self> {
        let written = entry.fields.digest.clone();
        let digest = written.or_else(|| entry.check.digest.map(|digest| digest.to_string()))?;
        Some(Self {
            id: entry.id,
            name: entry.fields.name.clone(),
            address: entry.fields.address.clone(),
            host: entry.fields.host.clone(),
            repository: entry.fields.repository.clone(),
            digest,
            memory_split: entry.fields.memory_split,
            has_sshd: entry.check.contents.as_ref().is_some_and(|contents| contents.sshd),
        })
    }
}

impl SpecSnapshot {
    pub(crate) fn of(spec: &SpecRecord) -> Self {
        let fields = &spec.fields;
        Self {
            id: spec.id,
            name: fields.name.clone(),
            cards: CardSnapshot::of(spec),
            cpu_milli: fields.cpu_milli,
            memory_mib: fields.memory_mib,
            system_disk_gib: fields.system_disk_gib,
            shm_mib: fields.shm_mib,
            price: fields.price,
            start_seconds: fields.start_seconds,
        }
    }

    /// True if its cards are split by HAMi-core.
    pub fn is_split(&self) -> bool {
        self.slice().is_some()
    }

    /// The memory that an instance has of each NVIDIA card, if it does not have all of it.
    pub(crate) fn slice(&self) -> Option<u64> {
        self.cards
            .as_ref()
            .filter(|cards| cards.vendor == CardVendor::Nvidia)
            .and_then(|cards| cards.memory_mib)
    }

    /// How many cards it has.
    pub fn card_count(&self) -> u32 {
        self.cards.as_ref().map_or(0, |cards| cards.count)
    }

    /// What it needs of a node; without its cards if they are left out.
    pub(crate) fn demand(&self, with_cards: bool) -> Demand {
        let cards = self.cards.as_ref().filter(|_| with_cards).map(CardSnapshot::demand);
        Demand { cards, cpu_milli: self.cpu_milli, memory_mib: self.memory_mib }
    }
}

impl CardSnapshot {
    fn of(spec: &SpecRecord) -> Option<Self> {
        let fields = &spec.fields;
        let vendor = match fields.vendor {
            SpecVendor::None => return None,
            SpecVendor::Nvidia => CardVendor::Nvidia,
            SpecVendor::Ascend => CardVendor::Ascend,
        };
        let cards = Self {
            vendor,
            model: fields.gpu_model.clone(),
            count: fields.gpu_count,
            memory_mib: fields.gpu_memory_mib.filter(|_| fields.memory_split),
            core_percent: fields.core_percent.and_then(|percent| u8::try_from(percent).ok()),
            template: fields.vnpu_template.clone(),
        };
        Some(cards).filter(|cards| cards.count > 0)
    }

    fn demand(&self) -> CardDemand {
        let vendor = match self.vendor {
            CardVendor::Nvidia => Vendor::Nvidia,
            CardVendor::Ascend => Vendor::Ascend,
        };
        let share = match self.memory_mib {
            Some(memory_mib) => Share::Slice { memory_mib, core_percent: self.core_percent },
            None => Share::Whole,
        };
        CardDemand { vendor, model: self.model.clone(), count: self.count, share }
    }
}
