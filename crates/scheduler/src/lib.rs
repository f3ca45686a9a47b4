//! Runs the rules of a sync when they are due, each once at a time, and remembers what became of them.
//!
//! - when: `timetable` (pure); who runs, is asked to, or told to stop: [`Scheduler`]
//! - one run: `carry` (from its place in the queue to its record), `live` (how far it is), `part` (of one image only)
//! - told: `view` (how things stand), [`Watch`] (as it happens), [`Metrics`]
//! - remembered: in the catalog; `ledger` is what saves the next run its requests

#![forbid(unsafe_code)]

mod carry;
mod error;
mod feed;
mod ledger;
mod live;
mod metrics;
mod part;
mod scheduler;
mod timetable;
mod view;

pub use carry::{Happened, Order, Work};
pub use error::Error;
pub use feed::{Frame, Lost, RunEvent, Settled, Watch};
pub use ledger::CatalogLedger;
pub use metrics::Metrics;
pub use part::Part;
pub use scheduler::{Begun, Clock, Parts, Scheduler};
pub use view::{
    ImageView, Phase, ProgressView, Refused, RuleView, RulesView, RunDetail, RunsView, SourceView, StateView,
};
