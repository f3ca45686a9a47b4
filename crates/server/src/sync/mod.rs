//! What the network sees of syncs: the JSON API below `/api/v1/sync/`, and who may begin or stop a run.
//!
//! - `api`: addresses to calls; `views`: what the scheduler knows, as the API writes it (pure)
//! - `problem`: what is refused, as RFC 9457 has it
//! - `gate`: who may change something (pure); `events`: what happens, as server-sent events, to so many `listeners`
//! - `service`: what runs rules, as the server was given it
//!
//! The pages for readers are in `pages`; the router that leads here is in `web`.

pub(crate) mod api;
pub(crate) mod events;
pub(crate) mod gate;
mod listeners;
pub(crate) mod problem;
pub(crate) mod service;
mod views;
