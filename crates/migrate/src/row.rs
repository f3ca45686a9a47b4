//! One repository of a plan. Pure.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_sync::{Plan as Copies, belongs_to};
use serde::Serialize;

use crate::{facts::images, inspect::Inspection, migration::Move};

/// One repository of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlanRow {
    /// The name below `from`.
    pub name: String,
    /// The source repository.
    pub source: String,
    /// The destination repository.
    pub target: String,
    /// The number of tags, without attached ones.
    pub tags: usize,
    /// The number of images that these tags point at.
    pub images: usize,
    /// The platforms of these images.
    pub platforms: BTreeSet<String>,
    /// The size of their blobs in bytes, each counted once.
    pub bytes: u64,
    /// The size of the largest blob in bytes.
    pub largest: u64,
    /// The number of referrers.
    pub referrers: usize,
    /// The number of attached tags, such as cosign's.
    pub attached: usize,
    /// The number of tags already at the destination.
    pub in_place: usize,
}

pub(crate) fn row(moved: &Move, copies: &Copies, inspection: &Inspection) -> PlanRow {
    let mut row = PlanRow {
        name: moved.name.clone(),
        source: moved.source.to_string(),
        target: moved.target.to_string(),
        ..PlanRow::default()
    };
    let mut digests = BTreeSet::new();
    for step in images(copies, &moved.source) {
        row.tags += 1;
        row.in_place += usize::from(step.action.is_in_sync());
        digests.extend(step.digest);
    }
    let own = copies.steps.iter().filter(|step| step.source == moved.source);
    row.attached = own.filter(|step| step.tag.as_ref().is_some_and(|tag| belongs_to(tag).is_some())).count();
    row.images = digests.len();
    let mut blobs = BTreeMap::new();
    for summary in digests.iter().filter_map(|digest| inspection.images.get(&(moved.source.clone(), *digest)))
    {
        row.platforms.extend(summary.platforms.iter().cloned());
        row.referrers += summary.referrers.unwrap_or_default();
        blobs.extend(summary.blobs.iter().map(|(digest, size)| (*digest, *size)));
    }
    row.bytes = blobs.values().sum();
    row.largest = blobs.values().copied().max().unwrap_or_default();
    row
}
