//! The JSON API of the image library: entries, nodes, specs, instances, pulls.
//!
//! - `caller`: who asks, and what that may do
//! - `entries`: the images that may be run; `entry_views`, `entry_advice`, `entry_problem`: how they are told of

pub(crate) mod caller;
pub(crate) mod entries;
mod entry_advice;
mod entry_problem;
pub(crate) mod entry_views;
