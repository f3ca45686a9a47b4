//! The JSON API of the image library: entries, nodes, specs, instances, pulls.
//!
//! - `caller`: who asks, and what that may do; `problem`: refusals, in both languages
//! - `entries`: the images that may be run; `entry_views`, `entry_advice`, `entry_problem`: how they are told of
//! - `specs`: what instances get; `spec_views`, `spec_words` (pure): specs as the API has them, and what is wrong with one
//! - `instances`, `instance_streams`, `quotas`: what runs, what it prints and uses, and what accounts may have; `instance_views`, `instance_words` (pure): as the API has them

pub(crate) mod caller;
pub(crate) mod entries;
mod entry_advice;
mod entry_problem;
pub(crate) mod entry_views;
pub(crate) mod instance_streams;
mod instance_views;
mod instance_words;
pub(crate) mod instances;
mod problem;
pub(crate) mod quotas;
mod spec_views;
mod spec_words;
pub(crate) mod specs;
