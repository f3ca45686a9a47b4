//! Decides when a round of eviction is due.
//!
//! Two phases: what a plan chooses is marked, and goes if a plan some minutes later chooses it again. Where there is no room
//! left, it goes at once.

use std::{
    collections::HashSet,
    sync::PoisonError,
    time::{Duration, SystemTime},
};

use entrepot_catalog::RepoKey;
use entrepot_oci::Digest;
use tokio::time::Instant;

use super::plan::{EvictionPlan, PlannedImage};
use crate::{error::Error, mirror::Mirror};

/// How often it is looked whether anything has to go.
const EVERY: Duration = Duration::from_secs(30);
/// How long an image that was chosen stays before it goes.
const GRACE: Duration = Duration::from_secs(5 * 60);
/// How often it is looked what has expired, and all that is held is counted.
const EXPIRY: Duration = Duration::from_secs(60 * 60);
/// How long evicted images are remembered, and how many.
const GHOSTS_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const GHOSTS: usize = 100_000;

/// What was chosen to go.
#[derive(Default)]
pub(super) struct Marked {
    since: Option<Instant>,
    images: HashSet<(RepoKey, Option<Digest>)>,
}

/// What is to be done with a plan.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    /// These go now.
    Now(Vec<PlannedImage>),
    /// They are marked; look again later.
    Later,
}

impl Marked {
    /// Whether the grace is not over yet.
    fn is_waiting(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now < since + GRACE)
    }

    /// Decides about a plan: what was marked for long enough goes, the rest of it is marked.
    fn decide(&mut self, plan: &EvictionPlan, images: Vec<PlannedImage>, now: Instant) -> Due {
        let name = |image: &PlannedImage| (image.key.clone(), image.digest);
        if plan.is_urgent {
            *self = Self::default();
            return Due::Now(images);
        }
        let is_over = self.since.is_some_and(|since| now >= since + GRACE);
        let (due, new): (Vec<_>, Vec<_>) =
            images.into_iter().partition(|image| is_over && self.images.contains(&name(image)));
        self.images = new.iter().map(name).collect();
        self.since = (!self.images.is_empty()).then_some(now);
        if due.is_empty() { Due::Later } else { Due::Now(due) }
    }
}

impl Mirror {
    /// Evicts whenever a limit is reached, until the mirror stops.
    pub(crate) async fn evicting(self) {
        if self.0.eviction.limits.is_off() {
            return;
        }
        self.0.holdings.hold_reserve(self.0.holdings.free_space()).await;
        let mut counted = None;
        loop {
            if counted.is_none_or(|at: Instant| at.elapsed() >= EXPIRY) && self.count_held().await.is_ok() {
                counted = Some(Instant::now());
                self.look(true).await;
            }
            tokio::select! {
                () = self.stopping() => return,
                () = tokio::time::sleep(EVERY) => {}
                () = self.0.eviction.room.wanted() => {}
            }
            self.look(false).await;
        }
    }

    async fn count_held(&self) -> Result<(), Error> {
        let totals = self.0.holdings.totals().await?;
        self.0.eviction.room.set_held(totals.bytes);
        Ok(())
    }

    async fn look(&self, is_expiry_due: bool) {
        let looked = tokio::select! {
            () = self.stopping() => return,
            looked = self.evict_if_due(is_expiry_due) => looked,
        };
        match looked {
            // Somebody does it by hand.
            Ok(()) | Err(Error::EvictionRuns) => {}
            Err(error) => tracing::warn!(%error, "what is to be evicted could not be decided"),
        }
    }

    /// Evicts what has to go by now, if anything has.
    ///
    /// # Errors
    /// A round runs already, or the store failed.
    pub(crate) async fn evict_if_due(&self, is_expiry_due: bool) -> Result<(), Error> {
        let demand = self.0.eviction.limits.demand(self.space().await);
        let expires = is_expiry_due && self.0.eviction.limits.keep_for().is_some();
        let is_waiting = self.marked(|marked| marked.is_waiting(Instant::now()) || marked.since.is_some());
        if demand.free == 0 && !expires && !is_waiting {
            return Ok(());
        }
        if !demand.is_urgent && self.marked(|marked| marked.is_waiting(Instant::now())) {
            return Ok(());
        }
        let guard = self.begin_round()?;
        let plan = self.eviction_plan(None).await?;
        let images = if plan.is_doubtful { plan.without_expired() } else { plan.images.clone() };
        let due = self.marked(|marked| marked.decide(&plan, images, Instant::now()));
        match due {
            Due::Now(images) => self.round(&plan, images, guard).await,
            Due::Later if plan.is_doubtful => self.round(&plan, Vec::new(), guard).await,
            Due::Later => {}
        }
        Ok(())
    }

    fn marked<T>(&self, with: impl FnOnce(&mut Marked) -> T) -> T {
        with(&mut self.0.eviction.marked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends pins whose time is up, and forgets images that were evicted long ago.
    pub(crate) async fn trim_pins_and_ghosts(&self) {
        let now = self.0.clock.now();
        let since = now.checked_sub(GHOSTS_FOR).unwrap_or(SystemTime::UNIX_EPOCH);
        self.0.holdings.trim_pins_and_ghosts(since, GHOSTS).await;
    }

    /// What a larger disk would have saved in the last seven days, in steps.
    ///
    /// # Errors
    /// The catalog failed.
    pub async fn savings(&self) -> Result<Vec<entrepot_eviction::Saving>, Error> {
        let now = self.0.clock.now();
        let since = now.checked_sub(GHOSTS_FOR).unwrap_or(SystemTime::UNIX_EPOCH);
        let returned = self.0.holdings.returned_images(since).await?;
        let returned: Vec<_> = returned.iter().map(|image| (image.larger_by, image.bytes)).collect();
        Ok(entrepot_eviction::savings(&returned))
    }
}

#[cfg(test)]
mod tests {


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
        let (mut marked, start) = (Marked::default(), Instant::now());
        let (a, b, c) = (image("a"), image("b"), image("c"));
        assert_eq!(marked.decide(&plan(false), vec![a.clone(), b.clone()], start), Due::Later);
        assert!(marked.is_waiting(start + GRACE - EVERY) && !marked.is_waiting(start + GRACE));
        // `b` was pulled meanwhile, and is not chosen again.
        let later = start + GRACE;
        assert_eq!(marked.decide(&plan(false), vec![a.clone(), c.clone()], later), Due::Now(vec![a.clone()]));
        assert_eq!(marked.decide(&plan(false), vec![b.clone(), c.clone()], later + GRACE), Due::Now(vec![c]));
        assert_eq!(marked.decide(&plan(false), vec![], later + 2 * GRACE), Due::Later);
        assert!(!marked.is_waiting(later + 2 * GRACE));
    }

    #[test]
    fn without_room_it_goes_at_once() {
        let mut marked = Marked::default();
        let images = vec![image("a")];
        assert_eq!(marked.decide(&plan(true), images.clone(), Instant::now()), Due::Now(images));
    }
}
