//! A round of eviction: does what was planned, image by image.
//!
//! It runs beside pulls and paces itself, unless there is no room left. It ends as soon as enough is freed, when it is
//! cancelled, and with the first thing that fails.

use std::{sync::Arc, time::Duration};

use entrepot_catalog::Conditions;
use entrepot_eviction::Reason;
use entrepot_oci::Digest;

use super::{
    planned::{EvictionPlan, PlannedImage},
    report::{EvictionEnd, EvictionProgress, EvictionReport},
    state::{STRAY, before},
};
use crate::{
    error::Error,
    holdings::Evicted,
    mirror::Mirror,
    one_job::{JobGuard, JobState},
};

/// The pause after each image, while there is room.
const PACE: Duration = Duration::from_millis(10);

type Guard = JobGuard<EvictionProgress, EvictionReport>;

impl Mirror {
    /// Begins a round by hand: exactly the plan of that digest, or what a new one says. Returns before it ends:
    /// [`Mirror::eviction`] tells how it goes.
    ///
    /// # Errors
    /// [`Error::EvictionRuns`]; [`Error::PlanChanged`] if the plan is not known and a new one is another; or the store failed.
    pub async fn begin_eviction(&self, planned: Option<&Digest>, free: Option<u64>) -> Result<(), Error> {
        let guard = self.begin_round()?;
        let plan = match planned {
            None => self.eviction_plan(free).await?,
            Some(digest) => match self.0.eviction.planned(digest) {
                Some(plan) => plan,
                None => {
                    let plan = self.eviction_plan(free).await?;
                    if plan.digest != *digest {
                        return Err(Error::PlanChanged);
                    }
                    plan
                }
            },
        };
        // Whoever names a plan has looked at it.
        let images =
            if plan.is_doubtful && planned.is_none() { plan.without_expired() } else { plan.images.clone() };
        let mirror = self.clone();
        self.0.tasks.spawn(async move { mirror.round(&plan, images, guard).await });
        Ok(())
    }

    /// How the round goes that is under way, and how the last one ended.
    pub fn eviction(&self) -> JobState<EvictionProgress, EvictionReport> {
        self.0.eviction.job.state()
    }

    /// Cancels the round that is under way. What is gone stays gone. Returns whether there was one.
    pub fn cancel_eviction(&self) -> bool {
        self.0.eviction.job.cancel()
    }

    pub(super) fn begin_round(&self) -> Result<Guard, Error> {
        self.0.eviction.job.begin(EvictionProgress::default()).ok_or(Error::EvictionRuns)
    }

    /// Evicts the images of a plan, or some of them.
    pub(super) async fn round(&self, plan: &Arc<EvictionPlan>, images: Vec<PlannedImage>, guard: Guard) {
        let mut report = EvictionReport {
            end: EvictionEnd::Done,
            triggers: plan.triggers.clone(),
            images: 0,
            freed: 0,
            spared: 0,
            held_back: (plan.images.len() - images.len()) as u64,
            free_before: self.0.holdings.free_space(),
            free_after: None,
        };
        guard.update(|at| (at.planned, at.wanted) = (images.len() as u64, plan.wanted));
        self.0.holdings.release_reserve(report.free_before).await;
        let began = tokio::time::Instant::now();
        for image in &images {
            if report.freed >= plan.wanted && image.reason == Reason::Room {
                break;
            }
            if guard.is_cancelled() || self.is_stopping() {
                report.end = EvictionEnd::Cancelled;
                break;
            }
            if let Err(error) = self.evict_one(image, &mut report).await {
                report.end = EvictionEnd::Failed(error.to_string());
                break;
            }
            guard.update(|at| {
                (at.done, at.freed, at.seconds) = (at.done + 1, report.freed, began.elapsed().as_secs());
            });
            if !plan.is_urgent {
                tokio::time::sleep(PACE).await;
            }
        }
        report.free_after = self.0.holdings.free_space();
        self.0.holdings.hold_reserve(report.free_after).await;
        tell(&report);
        guard.end(report);
    }

    async fn evict_one(&self, image: &PlannedImage, report: &mut EvictionReport) -> Result<(), Error> {
        let now = self.0.clock.now();
        let holdings = &self.0.holdings;
        let evicted = match &image.digest {
            // What was pulled a moment ago is not recorded yet.
            Some(digest) if self.0.pulls.has(&image.key, digest) => None,
            Some(digest) => {
                // Nothing of it came or was pulled since it was chosen.
                let on = Conditions { unused_since: image.last_used, now };
                match holdings.evict(&image.key, digest, on).await? {
                    Evicted::Gone(freed) => Some(freed),
                    Evicted::Spared(why) => {
                        tracing::debug!(key = %image.key, %digest, ?why, "an image was chosen to go and stays");
                        None
                    }
                }
            }
            None => Some(holdings.evict_strays(&image.key, before(now, STRAY)).await?),
        };
        match evicted {
            None => report.spared += 1,
            Some(freed) => {
                report.images += u64::from(image.digest.is_some());
                report.freed += freed;
                self.0.metrics.evicted(image.reason, freed);
                tracing::debug!(key = %image.key, digest = ?image.digest, freed, reason = ?image.reason, "evicted");
            }
        }
        Ok(())
    }
}

fn tell(report: &EvictionReport) {
    let EvictionReport { end, triggers, images, freed, spared, held_back, free_before, free_after } = report;
    match end {
        EvictionEnd::Done => {
            tracing::info!(images, freed, spared, ?triggers, ?free_before, ?free_after, "images were evicted")
        }
        EvictionEnd::Cancelled => tracing::info!(images, freed, ?triggers, "an eviction was cancelled"),
        EvictionEnd::Failed(error) => {
            tracing::warn!(images, freed, ?triggers, error, "an eviction ended early; it goes on later");
        }
    }
    if *held_back > 0 {
        tracing::warn!(
            images = held_back,
            "so many images expired at once that the clock or the database may be wrong; they stay until somebody looks: \
             `entrepot cache gc --dry-run`, then `entrepot cache gc --plan DIGEST`"
        );
    }
}
