//! The JSON API of the image library: entries, nodes, specs, instances, pulls.
//!
//! - `caller`: who asks, and what that may do; `problem`: refusals, in both languages
//! - `specs`: what instances get; `spec_views`, `spec_words` (pure): specs as the API has them, and what is wrong with one

pub(crate) mod caller;
mod problem;
mod spec_views;
mod spec_words;
pub(crate) mod specs;
