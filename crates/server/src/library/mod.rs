//! The JSON API of the image library: entries, nodes, specs, instances, pulls.
//!
//! - `caller`: who asks, and what that may do

pub(crate) mod caller;
