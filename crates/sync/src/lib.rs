//! Plans and performs copies of images between registries, layouts and archives.
//!
//! - what is wanted: `rules` (pure); what is there: `survey`; what is to be done: `plan` (pure)
//! - how it is done: `copy`, the engine, which reads each blob once for all its targets, from and to any [`Place`]
//! - what became of it: [`Event`]s while it runs, a report of [`Row`]s at the end
//!
//! Nothing here knows the terminal, a database or an HTTP answer: who runs a sync gives it a [`World`].

#![forbid(unsafe_code)]

mod copy;
mod ends;
mod habits;
mod job;
mod place;
pub mod rules;
mod shape;
mod world;

pub use copy::{Limits, contents, perform};
pub use habits::Habits;
pub use job::{Done, Event, Failure, Format, Job, Outcome, Row, Shape, Target};
pub use place::{Place, PlaceError};
pub use world::{Ledger, Registry, World};
