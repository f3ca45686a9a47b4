//! What runs rules, as the server was given it.

use entrepot_scheduler::Scheduler;

use super::listeners::Listeners;

/// What runs rules, and who is told of it.
#[derive(Debug)]
pub struct SyncService {
    pub(crate) scheduler: Scheduler,
    pub(super) listeners: Listeners,
}

impl SyncService {
    /// Without listeners.
    pub fn new(scheduler: Scheduler) -> Self {
        Self { scheduler, listeners: Listeners::default() }
    }
}
