//! The JSON API of the image library: entries, nodes, specs, instances, pulls.
//!
//! - `caller`: who asks, and what that may do; `problem`: refusals, in both languages
//! - `entries`: the images that may be run; `entry_views`, `entry_advice`, `entry_problem`: how they are told of
//! - `entry_documents`: entries as CSV and JSON
//! - `specs`: what instances get; `spec_views`, `spec_words` (pure): specs as the API has them, and what is wrong with one

pub(crate) mod caller;
pub(crate) mod entries;
mod entry_advice;
pub(crate) mod entry_documents;
mod entry_problem;
pub(crate) mod entry_views;
mod problem;
mod spec_views;
mod spec_words;
pub(crate) mod specs;
