//! Keep lists: the JSON API, and how they stand for readers.
//!
//! - `views`: how lists and images stand (pure); `problem`: refusals; `api`: the handlers
//! - `said`: badge and log, as those of syncs are

pub(crate) mod api;
mod problem;
pub(crate) mod said;
mod views;
