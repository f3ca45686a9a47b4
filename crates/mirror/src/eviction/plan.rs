//! Plans: which images go, as people and the rounds see it.

use std::{sync::Arc, time::SystemTime};

use entrepot_catalog::RepoKey;
use entrepot_eviction::{Demand, Goal, Reason, Space, Trigger, is_mass_expiry};
use entrepot_oci::Digest;

use super::{YOUNG, images::Part, survey::Survey};
use crate::{error::Error, mirror::Mirror, store::store_failed};

/// What is evicted, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvictionPlan {
    /// The digest of what goes: two plans with one digest let the same images go.
    pub digest: Digest,
    /// What goes, in this order.
    pub images: Vec<PlannedImage>,
    /// The bytes that all of it frees.
    pub frees: u64,
    /// The bytes that are held.
    pub held: u64,
    /// The bytes that have to be freed.
    pub wanted: u64,
    /// The limits that are reached.
    pub triggers: Vec<Trigger>,
    /// So many images expire at once that somebody has to look at them first: the clock or the records may be wrong.
    pub is_doubtful: bool,
    pub(super) is_urgent: bool,
}

/// An image that is to go, or the blobs of a repository that belong to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedImage {
    /// The repository.
    pub key: RepoKey,
    /// The image; `None` for blobs that belong to none.
    pub digest: Option<Digest>,
    /// The bytes that its going frees, after those before it.
    pub frees: u64,
    /// When it was last pulled, or came.
    pub last_used: SystemTime,
    /// Why it goes.
    pub reason: Reason,
}

impl EvictionPlan {
    /// Without what expired, which somebody has to look at first.
    pub(super) fn without_expired(&self) -> Vec<PlannedImage> {
        self.images.iter().filter(|image| image.reason != Reason::Expired).cloned().collect()
    }
}

impl Mirror {
    /// Plans what would be evicted now. With `free`, so many bytes are to be freed; else what the limits demand.
    ///
    /// # Errors
    /// The store failed.
    pub async fn eviction_plan(&self, free: Option<u64>) -> Result<Arc<EvictionPlan>, Error> {
        self.record_pulls().await;
        let now = self.0.clock.now();
        let survey = self.survey(before(now, YOUNG), now).await?;
        let held = survey.stock.bytes();
        self.0.eviction.room.set_held(held);
        let limits = self.0.eviction.limits;
        let demand = match free {
            Some(free) => Demand { free, ..Demand::default() },
            None => limits.demand(self.space().await),
        };
        let goal =
            Goal { free: demand.free, unused_since: limits.keep_for().map(|age| before(now, age)) };
        let planned = tokio::task::spawn_blocking(move || choose(survey, &goal, demand, held)).await;
        let plan = Arc::new(planned.map_err(store_failed)?);
        self.0.eviction.remember(&plan);
        Ok(plan)
    }

    /// What is held, and what is free on the disk.
    pub(super) async fn space(&self) -> Space {
        Space { held: self.0.eviction.room.taken(), free: self.0.holdings.free_space() }
    }
}

fn before(now: SystemTime, age: std::time::Duration) -> SystemTime {
    now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn choose(survey: Survey, goal: &Goal, demand: Demand, held: u64) -> EvictionPlan {
    let chosen = entrepot_eviction::plan(&survey.stock, &survey.prices, goal);
    let images: Vec<_> = chosen
        .iter()
        .map(|choice| {
            let (repository, part) = survey.parts[choice.item];
            PlannedImage {
                key: survey.repositories[repository].clone(),
                digest: part.digest(),
                frees: choice.frees,
                last_used: survey.stock.items()[choice.item].last_used,
                reason: choice.reason,
            }
        })
        .collect();
    let is_image = |part: &Part| matches!(part, Part::Image(_));
    let all = survey.parts.iter().filter(|(_, part)| is_image(part)).count();
    let expired = images.iter().filter(|image| image.reason == Reason::Expired && image.digest.is_some());
    EvictionPlan {
        digest: digest(&images),
        frees: images.iter().map(|image| image.frees).sum(),
        held,
        wanted: demand.free,
        triggers: demand.triggers,
        is_doubtful: is_mass_expiry(expired.count(), all),
        is_urgent: demand.is_urgent,
        images,
    }
}

fn digest(images: &[PlannedImage]) -> Digest {
    let line = |image: &PlannedImage| match image.digest {
        Some(digest) => format!("{}@{digest}\n", image.key),
        None => format!("{}\n", image.key),
    };
    Digest::of(images.iter().map(line).collect::<String>().as_bytes())
}
