//! Syncs as the network sees them: the JSON API below `/api/v1/sync/`, and the permission to start or stop a run.
//!
//! - `api`: addresses to calls; `views`: scheduler data as API types (pure)
//! - `prunes`: deciding about tags that no rule writes; `prune_views` (pure)
//! - `problem`: error responses (RFC 9457)
//! - `gate`: permission for changes (pure); `events`: server-sent events, with limits by `listeners`
//! - `service`: the scheduler as given to the server
//!
//! The pages for readers are in `pages`; the router that leads here is in `web`.

pub(crate) mod api;
pub(crate) mod events;
pub(crate) mod gate;
pub(crate) mod listeners;
pub(crate) mod problem;
mod prune_views;
pub(crate) mod prunes;
pub(crate) mod service;
mod views;
