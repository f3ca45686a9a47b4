//! What the network sees of syncs: the JSON API below `/api/v1/sync/`, and who may begin or stop a run.
//!
//! - `api`: addresses to calls; `problem`: what is refused, as RFC 9457 has it
//! - `gate`: who may change something (pure); `events`: what happens, as server-sent events, to so many `listeners`
//! - `service`: what runs rules, as the server was given it
//!
//! The pages for readers are in `pages`. A dozen addresses need no router: they are one `match`, with the bounds, ids
//! and log lines that every other request has.

pub(crate) mod api;
mod events;
pub(crate) mod gate;
mod listeners;
pub(crate) mod problem;
pub(crate) mod service;
