//! What was chosen to go, and since when. Pure.
//!
//! Two phases: what a plan chooses is marked, and goes if a plan some minutes later chooses it again. Where there is no room
//! left, it goes at once.

use std::{collections::HashSet, time::Duration};

use entrepot_catalog::RepoKey;
use entrepot_oci::Digest;
use tokio::time::Instant;

use super::planned::{EvictionPlan, PlannedImage};

/// How long an image that was chosen stays before it goes.
const GRACE: Duration = Duration::from_secs(5 * 60);

/// What was chosen to go.
#[derive(Default)]
pub(super) struct MarkedImages {
    since: Option<Instant>,
    images: HashSet<(RepoKey, Option<Digest>)>,
}

/// What is to be done with a plan.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PlanTiming {
    /// These go now.
    Now(Vec<PlannedImage>),
    /// They are marked; look again later.
    Later,
}

impl MarkedImages {
    /// Whether nothing is marked.
    pub(super) fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    /// Whether the grace is not over yet.
    pub(super) fn is_waiting(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now < since + GRACE)
    }

    /// Decides about a plan: what was marked for long enough goes, the rest of it is marked.
    pub(super) fn decide(
        &mut self,
        plan: &EvictionPlan,
        images: Vec<PlannedImage>,
        now: Instant,
    ) -> PlanTiming {
        let name = |image: &PlannedImage| (image.key.clone(), image.digest);
        if plan.is_urgent {
            *self = Self::default();
            return PlanTiming::Now(images);
        }
        let is_over = self.since.is_some_and(|since| now >= since + GRACE);
        let (due, new): (Vec<_>, Vec<_>) =
            images.into_iter().partition(|image| is_over && self.images.contains(&name(image)));
        self.images = new.iter().map(name).collect();
        self.since = (!self.images.is_empty()).then_some(now);
        if due.is_empty() { PlanTiming::Later } else { PlanTiming::Now(due) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use entrepot_catalog::Origin;
    use entrepot_eviction::Reason;

    use super::*;

    fn image(name: &str) -> PlannedImage {
        PlannedImage {
            key: RepoKey { origin: Origin::Hosted, repository: "a".parse().unwrap() },
            digest: Some(Digest::of(name.as_bytes())),
            frees: 1,
            last_used: SystemTime::UNIX_EPOCH,
            reason: Reason::Room,
        }
    }

    fn plan(is_urgent: bool) -> EvictionPlan {
        EvictionPlan {
            digest: Digest::of(b""),
            images: Vec::new(),
            frees: 0,
            held: 0,
            wanted: 1,
            triggers: Vec::new(),
            is_doubtful: false,
            is_urgent,
        }
    }

    #[test]
    fn an_image_goes_when_it_is_chosen_twice_some_minutes_apart() {
        let (mut marked, start) = (MarkedImages::default(), Instant::now());
        let (a, b, c) = (image("a"), image("b"), image("c"));
        assert_eq!(marked.decide(&plan(false), vec![a.clone(), b.clone()], start), PlanTiming::Later);
        assert!(marked.is_waiting(start + GRACE / 2) && !marked.is_waiting(start + GRACE));
        // `b` was pulled meanwhile, and is not chosen again.
        let later = start + GRACE;
        assert_eq!(
            marked.decide(&plan(false), vec![a.clone(), c.clone()], later),
            PlanTiming::Now(vec![a.clone()])
        );
        assert_eq!(
            marked.decide(&plan(false), vec![b.clone(), c.clone()], later + GRACE),
            PlanTiming::Now(vec![c])
        );
        assert_eq!(marked.decide(&plan(false), vec![], later + 2 * GRACE), PlanTiming::Later);
        assert!(!marked.is_waiting(later + 2 * GRACE));
    }

    #[test]
    fn without_room_it_goes_at_once() {
        let mut marked = MarkedImages::default();
        let images = vec![image("a")];
        assert_eq!(marked.decide(&plan(true), images.clone(), Instant::now()), PlanTiming::Now(images));
    }
}
