//! The results of a survey. Together with the rules they determine the plan, so that planning is pure.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::SystemTime,
};

use entrepot_oci::{Digest, Host, Tag};

use crate::{CopyFailure, Format, Place, Shape};

/// The results for sources and destinations.
#[derive(Clone, Debug)]
pub struct Survey {
    pub(super) at: SystemTime,
    pub(super) listings: BTreeMap<Place, Result<Vec<Tag>, CopyFailure>>,
    pub(super) attached: BTreeMap<Place, Arc<HashSet<Digest>>>,
    pub(super) seen: HashMap<(Place, Tag), TagFinding>,
    pub(super) records: HashMap<(Digest, Shape), Digest>,
    pub(super) verified: HashSet<(Place, Tag)>,
    pub(super) usual: BTreeMap<Host, Format>,
}

/// The result for one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TagFinding {
    /// The tag has this digest.
    At(Digest),
    /// There is no such tag.
    Missing,
    /// There was no usable response.
    Unknown(CopyFailure),
}

impl Survey {
    /// An empty survey.
    pub(crate) fn empty(at: SystemTime) -> Self {
        Self {
            at,
            listings: BTreeMap::new(),
            attached: BTreeMap::new(),
            seen: HashMap::new(),
            records: HashMap::new(),
            verified: HashSet::new(),
            usual: BTreeMap::new(),
        }
    }

    /// The time of the survey.
    pub fn at(&self) -> SystemTime {
        self.at
    }

    /// The tags of a repository; `None` if it was not listed.
    pub(crate) fn listing(&self, place: &Place) -> Option<&Result<Vec<Tag>, CopyFailure>> {
        self.listings.get(place)
    }

    /// The images that tags of a source are attached to; `None` if they could not be listed.
    pub(crate) fn attached(&self, source: &Place) -> Option<Arc<HashSet<Digest>>> {
        self.attached.get(source).cloned()
    }

    /// The result for a tag; `None` if it was not queried.
    pub(crate) fn seen(&self, place: &Place, tag: &Tag) -> Option<&TagFinding> {
        self.seen.get(&(place.clone(), tag.clone()))
    }

    /// The digest of a tag, if known.
    pub(crate) fn digest(&self, place: &Place, tag: &Tag) -> Option<Digest> {
        match self.seen(place, tag) {
            Some(TagFinding::At(digest)) => Some(*digest),
            _ => None,
        }
    }

    /// The recorded digest of an image in another shape.
    pub(crate) fn record(&self, source: &Digest, shape: &Shape) -> Option<&Digest> {
        self.records.get(&(*source, shape.clone()))
    }

    /// True if a tag is immutable and was found to be right.
    pub(crate) fn is_verified(&self, place: &Place, tag: &Tag) -> bool {
        self.verified.contains(&(place.clone(), tag.clone()))
    }

    /// The usual manifest format of a place's registry.
    pub(crate) fn usual(&self, place: &Place) -> Format {
        place.host().and_then(|host| self.usual.get(host)).copied().unwrap_or_default()
    }

    /// Adds the results of another survey.
    pub(crate) fn merge(&mut self, other: Self) {
        self.listings.extend(other.listings);
        self.attached.extend(other.attached);
        self.seen.extend(other.seen);
        self.records.extend(other.records);
        self.verified.extend(other.verified);
        self.usual.extend(other.usual);
    }
}

#[cfg(test)]
impl Survey {
    pub(crate) fn with_listing(mut self, place: &Place, tags: Result<&[&str], CopyFailure>) -> Self {
        let tags = tags.map(|tags| tags.iter().map(|tag| tag.parse().unwrap()).collect());
        self.listings.insert(place.clone(), tags);
        self
    }

    pub(crate) fn with(mut self, place: &Place, tag: &str, finding: TagFinding) -> Self {
        self.seen.insert((place.clone(), tag.parse().unwrap()), finding);
        self
    }

    pub(crate) fn with_record(mut self, source: Digest, shape: Shape, converted: Digest) -> Self {
        self.records.insert((source, shape), converted);
        self
    }

    pub(crate) fn with_attached(mut self, source: &Place, about: &[Digest]) -> Self {
        self.attached.insert(source.clone(), Arc::new(about.iter().copied().collect()));
        self
    }

    pub(crate) fn with_verified(mut self, place: &Place, tag: &str) -> Self {
        self.verified.insert((place.clone(), tag.parse().unwrap()));
        self
    }
}
