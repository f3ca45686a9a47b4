//! The state of eviction that the mirror has.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use entrepot_eviction::CacheLimits;
use entrepot_oci::Digest;

use super::{
    marked::MarkedImages,
    planned::EvictionPlan,
    report::{EvictionProgress, EvictionReport},
};
use crate::{one_job::OneJob, room::Room};

/// How old blobs are that belong to no image when they are evicted: a manifest may be about to name them.
pub(super) const STRAY: Duration = Duration::from_secs(60 * 60);
/// How many plans are remembered, so that exactly one of them can be carried out.
const PLANS: usize = 8;

/// The state of eviction.
pub(crate) struct Eviction {
    pub(super) limits: CacheLimits,
    pub(crate) room: Arc<Room>,
    pub(super) job: OneJob<EvictionProgress, EvictionReport>,
    plans: Mutex<VecDeque<Arc<EvictionPlan>>>,
    pub(super) marked: Mutex<MarkedImages>,
}

impl Eviction {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        Self {
            limits,
            room: Arc::new(Room::new(limits)),
            job: OneJob::default(),
            plans: Mutex::default(),
            marked: Mutex::default(),
        }
    }

    /// A plan that was made before.
    pub(super) fn planned(&self, digest: &Digest) -> Option<Arc<EvictionPlan>> {
        let plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.iter().find(|plan| plan.digest == *digest).cloned()
    }

    pub(super) fn remember(&self, plan: &Arc<EvictionPlan>) {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.retain(|other| other.digest != plan.digest);
        plans.push_front(Arc::clone(plan));
        plans.truncate(PLANS);
    }
}

/// So long before a time.
pub(super) fn before(now: SystemTime, age: Duration) -> SystemTime {
    now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH)
}
