//! Surveys the registries: the tags of every source, and the digests of these and of their copies.
//!
//! - every source is listed once, however many rules copy from it
//! - every wanted tag costs one `HEAD` at its source and one at each destination, all concurrent
//! - an immutable tag that was found to be right before costs nothing
//!
//! A [`Survey`] holds everything a plan needs, including failures, so that planning is pure.

pub(crate) mod attached;
mod connections;
mod failure;
mod findings;
mod surveyor;
pub(crate) mod wants;

pub use attached::subject as belongs_to;
pub use findings::Survey;
pub(crate) use findings::TagFinding;
