//! Eviction: keeps what is held within its limits, by letting whole images go.
//!
//! - `room`: how much is held and coming, and whether what comes is kept at all
//! - `survey` reads what is held into a stock, repository by repository; `images` (pure) finds the images in it
//! - `plan` has the crate `entrepot_eviction` choose; `round` does what was planned, image by image; `watch` decides when
//!
//! An image that was chosen has to be chosen again some minutes later before it goes, unless there is no room left; then the
//! catalog looks once more. Whatever fails ends the round.

mod images;
mod plan;
mod round;
pub(crate) mod room;
mod survey;
mod watch;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use entrepot_eviction::Limits;
use entrepot_oci::Digest;

use crate::one_job::OneJob;

pub use plan::{EvictionPlan, PlannedImage};
pub use round::{EvictionEnd, EvictionProgress, EvictionReport};
use room::Room;
use watch::Marked;

/// What came or was pulled more recently is not evicted: a client may be about to ask for the rest of it.
const YOUNG: Duration = Duration::from_secs(60 * 60);
/// How many plans are remembered, so that exactly one of them can be carried out.
const PLANS: usize = 8;

/// The state of eviction.
pub(crate) struct Eviction {
    limits: Limits,
    pub(crate) room: Arc<Room>,
    job: OneJob<EvictionProgress, EvictionReport>,
    plans: Mutex<VecDeque<Arc<EvictionPlan>>>,
    marked: Mutex<Marked>,
}

impl Eviction {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            room: Arc::new(Room::new(limits)),
            job: OneJob::default(),
            plans: Mutex::default(),
            marked: Mutex::default(),
        }
    }

    /// A plan that was made before.
    fn planned(&self, digest: &Digest) -> Option<Arc<EvictionPlan>> {
        let plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.iter().find(|plan| plan.digest == *digest).cloned()
    }

    fn remember(&self, plan: &Arc<EvictionPlan>) {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.retain(|other| other.digest != plan.digest);
        plans.push_front(Arc::clone(plan));
        plans.truncate(PLANS);
    }
}
