//! The scheduler as given to the server.

use entrepot_scheduler::Scheduler;

use super::listeners::Listeners;

/// The scheduler and the listeners to its events.
#[derive(Debug)]
pub struct SyncService {
    pub(crate) scheduler: Scheduler,
    pub(super) listeners: Listeners,
}

impl SyncService {
    /// Makes a service without listeners.
    pub fn new(scheduler: Scheduler) -> Self {
        Self { scheduler, listeners: Listeners::default() }
    }
}
