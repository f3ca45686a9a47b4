//! Pulls: images on their way to nodes.
//!
//! - `image`: what is pulled; `source`: what a node calls it; `plan`: what there is to pull, by our own mirror
//! - `progress`, `fault`: how far a pull is, and why it fails (pure)
//! - `run`: does a pull; `jobs`: those under way; `verbs`: what can be done with them

mod fault;
mod image;
mod jobs;
mod plan;
mod progress;
mod run;
mod source;
mod verbs;

pub use fault::{PullFailure, PullFault};
pub use image::LibraryImage;
pub(crate) use jobs::Jobs;
pub use jobs::{PullState, PullWatch};
pub use progress::{LayerPhase, LayerProgress, PullPhase, PullPlan, PullProgress};
pub use source::SourceError;
pub use verbs::PullRequest;
