//! What runs rules, as the server was given it.

use entrepot_oci::Digest;
use entrepot_scheduler::Scheduler;

use super::listeners::Listeners;

/// What runs rules, and the token of those who may tell it to.
#[derive(Debug)]
pub struct SyncService {
    pub(crate) scheduler: Scheduler,
    // Only its hash, which tells nothing and takes the same time to compare whatever was sent.
    pub(crate) token: Option<Digest>,
    pub(super) listeners: Listeners,
}

impl SyncService {
    /// Without a token, only programs on this machine may begin and stop runs.
    pub fn new(scheduler: Scheduler, token: Option<&str>) -> Self {
        let token = token.map(|token| Digest::of(token.as_bytes()));
        Self { scheduler, token, listeners: Listeners::default() }
    }
}
