//! Looks again and again whether a round of eviction is due.

use std::{sync::PoisonError, time::Duration};

use entrepot_eviction::Saving;
use tokio::time::Instant;

use super::{
    marked::{MarkedImages, PlanTiming},
    state::before,
};
use crate::{error::Error, mirror::Mirror};

/// How often it is looked whether anything has to go.
const EVERY: Duration = Duration::from_secs(30);
/// How soon it is looked after something was not kept because there was no room.
const SOON: Duration = Duration::from_secs(2);
/// How often it is looked what has expired, and all that is held is counted.
const EXPIRY: Duration = Duration::from_secs(60 * 60);
/// How long evicted images are remembered, and how many.
const GHOSTS_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const GHOSTS: usize = 100_000;

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
            // Where nothing may go, looking again at once would find the same.
            tokio::select! {
                () = self.stopping() => return,
                () = tokio::time::sleep(SOON) => {}
            }
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
        let now = Instant::now();
        let (is_waiting, is_empty) = self.marked(|marked| (marked.is_waiting(now), marked.is_empty()));
        let has_reason = demand.free > 0 || expires || !is_empty;
        if !has_reason || is_waiting && !demand.is_urgent {
            return Ok(());
        }
        let guard = self.begin_round()?;
        let plan = self.eviction_plan(None).await?;
        self.0.eviction.room.forget_refused();
        let images = if plan.is_doubtful { plan.without_expired() } else { plan.images.clone() };
        let due = self.marked(|marked| marked.decide(&plan, images, Instant::now()));
        match due {
            PlanTiming::Now(images) => self.round(&plan, images, guard).await,
            PlanTiming::Later if plan.is_doubtful => self.round(&plan, Vec::new(), guard).await,
            PlanTiming::Later => {}
        }
        Ok(())
    }

    fn marked<T>(&self, with: impl FnOnce(&mut MarkedImages) -> T) -> T {
        with(&mut self.0.eviction.marked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends pins whose time is up, and forgets images that were evicted long ago.
    pub(crate) async fn trim_pins_and_ghosts(&self) {
        let now = self.0.clock.now();
        let since = before(now, GHOSTS_FOR);
        self.0.holdings.trim_pins_and_ghosts(since, GHOSTS).await;
    }

    /// What a larger disk would have saved in the last seven days, in steps.
    ///
    /// # Errors
    /// The catalog failed.
    pub async fn savings(&self) -> Result<Vec<Saving>, Error> {
        let now = self.0.clock.now();
        let since = before(now, GHOSTS_FOR);
        let returned = self.0.holdings.returned_images(since).await?;
        let returned: Vec<_> = returned.iter().map(|image| (image.larger_by, image.bytes)).collect();
        Ok(entrepot_eviction::savings(&returned))
    }
}
