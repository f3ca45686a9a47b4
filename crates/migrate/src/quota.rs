//! The share of the source's pull budget, such as Docker Hub's, that the copies take. Pure.

use entrepot_sync::{Plan as Copies, belongs_to};
use serde::Serialize;
use std::collections::BTreeSet;

use crate::inspect::Inspection;

/// The share of a pull budget that the copies take. All counts are of manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quota {
    /// The manifests to fetch.
    pub needed: u64,
    /// True if `needed` is an estimate, because not every image was inspected.
    pub estimated: bool,
    /// The manifests that may be fetched in a window.
    pub limit: u64,
    /// The manifests that may still be fetched.
    pub left: u64,
    /// The part of these to leave for others.
    pub reserve: u64,
    /// The length of a window in seconds, if the registry says so.
    pub window_seconds: Option<u64>,
}

impl Quota {
    /// True if the remaining budget is enough.
    pub fn is_enough(&self) -> bool {
        self.needed + self.reserve <= self.left
    }

    /// The number of windows that the copies need.
    pub fn windows(&self) -> u64 {
        let each = self.limit.saturating_sub(self.reserve).max(1);
        1 + self.needed.saturating_sub(self.left.saturating_sub(self.reserve)).div_ceil(each)
    }
}

/// The quota, if the registry reports a budget.
pub(crate) fn quota(copies: &Copies, inspection: &Inspection) -> Option<Quota> {
    let budget = inspection.budget?;
    let work = copies.steps.iter().filter(|step| step.action.is_work());
    let images: BTreeSet<_> = work
        .filter_map(|step| {
            let is_attached = step.tag.as_ref().is_some_and(|tag| belongs_to(tag).is_some());
            Some((step.source.clone(), step.digest?, is_attached))
        })
        .collect();
    let read: usize = inspection.images.values().map(|image| image.manifests).sum();
    let mean = read.div_ceil(inspection.images.len().max(1)).max(1);
    let (mut needed, mut estimated) = (0, false);
    for (place, digest, is_attached) in images {
        needed += match inspection.images.get(&(place, digest)) {
            Some(image) => image.manifests,
            // A signature is a single manifest.
            None if is_attached => 1,
            None => {
                estimated = true;
                mean
            }
        };
    }
    Some(Quota {
        needed: needed as u64,
        estimated,
        limit: budget.limit,
        left: budget.remaining,
        reserve: inspection.reserve,
        window_seconds: budget.window.map(|window| window.as_secs()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_counted() {
        let of = |needed, left| Quota {
            needed,
            estimated: false,
            limit: 100,
            left,
            reserve: 10,
            window_seconds: None,
        };
        for (needed, left, enough, windows) in [
            (90, 100, true, 1),
            (91, 100, false, 2),
            (5, 12, false, 2),
            (180, 100, false, 2),
            (181, 100, false, 3),
        ] {
            let quota = of(needed, left);
            assert_eq!((quota.is_enough(), quota.windows()), (enough, windows), "{needed} {left}");
        }
    }
}
