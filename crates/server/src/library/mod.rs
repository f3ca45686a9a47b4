//! The JSON API of the image library: entries, nodes, specs, instances, pulls.
//!
//! - `caller`: who asks, and what that may do; `problem`: refusals, in both languages
//! - `entries`: the images that may be run; `entry_views`, `entry_advice`, `entry_problem`: how they are told of
//! - `entry_documents`: entries as CSV and JSON
//! - `specs`: what instances get; `nodes`: the machines; `pulls`: images on their way to them
//! - `instances`, `instance_streams`, `quotas`: what runs, what it prints and uses, and what accounts may have
//! - `exec`, `exec_talk`: programs in what runs, over WebSockets; `instance_images`: other images for it, images made of it
//! - pure: `…_views`: each of them as the API has it; `…_words`: what is wrong with one, for people

pub(crate) mod caller;
pub(crate) mod entries;
mod entry_advice;
pub(crate) mod entry_documents;
mod entry_problem;
pub(crate) mod entry_views;
pub(crate) mod exec;
mod exec_talk;
pub(crate) mod instance_images;
pub(crate) mod instance_streams;
mod instance_views;
mod instance_words;
pub(crate) mod instances;
mod node_views;
mod node_words;
pub(crate) mod nodes;
mod problem;
mod pull_views;
mod pull_words;
pub(crate) mod pulls;
pub(crate) mod quotas;
mod spec_views;
mod spec_words;
pub(crate) mod specs;
