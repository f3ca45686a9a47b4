//! What the network sees of syncs: the JSON API below `/api/v1/sync/`, and who may begin or stop a run.
//!
//! - `api`: addresses to calls; `problem`: what is refused, as RFC 9457 has it
//! - `gate`: who may change something (pure); `events`: what happens, as server-sent events
//!
//! The pages for readers are in `pages`. A dozen addresses need no router: they are one `match`, with the bounds, ids
//! and log lines that every other request has.

mod api;
mod events;
mod gate;
mod problem;

use entrepot_oci::Digest;
use entrepot_scheduler::Scheduler;

pub(crate) use api::{answer, is_below};
pub(crate) use gate::{Asker, Permission};
pub(crate) use problem::Problem;

/// What runs rules, and the token of those who may tell it to.
#[derive(Debug)]
pub struct SyncService {
    pub(crate) scheduler: Scheduler,
    // Only its hash, which tells nothing and takes the same time to compare whatever was sent.
    token: Option<Digest>,
    listeners: events::Listeners,
}

impl SyncService {
    /// Without a token, only programs on this machine may begin and stop runs.
    pub fn new(scheduler: Scheduler, token: Option<&str>) -> Self {
        let token = token.map(|token| Digest::of(token.as_bytes()));
        Self { scheduler, token, listeners: events::Listeners::default() }
    }

    /// Whether somebody may begin and stop runs.
    pub(crate) fn permission(&self, asker: &Asker<'_>) -> Permission {
        asker.permission(self.token.as_ref())
    }
}
