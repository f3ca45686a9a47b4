//! Makes a plan: surveys what is held, and has the planner choose.

use std::sync::Arc;

use entrepot_eviction::{Demand, EvictionGoal, Reason, Space, is_mass_expiry};
use entrepot_oci::Digest;

use super::{
    images::RepositoryPart,
    planned::{EvictionPlan, PlannedImage},
    state::before,
    survey::Survey,
};
use crate::{error::Error, mirror::Mirror, store::store_failed};

impl Mirror {
    /// Plans what would be evicted now. With `free`, so many bytes are to be freed; else what the limits demand.
    ///
    /// # Errors
    /// The store failed.
    pub async fn eviction_plan(&self, free: Option<u64>) -> Result<Arc<EvictionPlan>, Error> {
        self.record_pulls().await;
        let now = self.0.clock.now();
        let survey = self.survey(now).await?;
        let held = survey.stock.bytes();
        self.0.eviction.room.set_held(held);
        let limits = self.0.eviction.limits;
        let demand = match free {
            Some(free) => Demand { free, ..Demand::default() },
            None => limits.demand(self.space().await),
        };
        let goal =
            EvictionGoal { free: demand.free, unused_since: limits.keep_for().map(|age| before(now, age)) };
        let planned = tokio::task::spawn_blocking(move || choose(survey, &goal, demand, held)).await;
        let plan = Arc::new(planned.map_err(store_failed)?);
        self.0.eviction.remember(&plan);
        Ok(plan)
    }

    /// What is held, with what there was no room for, and what is free on the disk.
    pub(super) async fn space(&self) -> Space {
        let room = &self.0.eviction.room;
        Space { held: room.taken().saturating_add(room.refused()), free: self.0.holdings.free_space() }
    }
}

fn choose(survey: Survey, goal: &EvictionGoal, demand: Demand, held: u64) -> EvictionPlan {
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
    let is_image = |part: &RepositoryPart| matches!(part, RepositoryPart::Image(_));
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
