//! Keep lists: images that are fetched again and again by schedule, so that they are always here.
//!
//! - `section`: what is written; `list`: what it means ([`KeepList`]), pure; `expand`: the images that a list means now
//! - [`Keeper`] runs lists when they are due or asked for, one at a time; `run` is one run, `progress` how far it is
//!
//! This is background work: a run waits while somebody waits for an image, and takes one image after the other.

#![forbid(unsafe_code)]

mod error;
mod expand;
mod keeper;
mod list;
mod metrics;
mod pins;
mod progress;
mod run;
mod section;

pub use error::Error;
pub use keeper::{IsBusy, Keeper, KeeperParts, ListView};
pub use list::{Item, KeepList};
pub use progress::KeepProgress;
pub use section::{KeepSection, SectionFault, Sources};
