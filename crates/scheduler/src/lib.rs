//! Runs the rules of a sync when they are due, each at most once at a time, and records what became of them.
//!
//! - when: `timetable` (pure); beginning, joining and cancelling runs: [`Scheduler`]; `ownership`: one server for each
//!   database
//! - one run: `runner` follows it, [`executor`] does its work with `sync`; `progress` (pure): how far it is; `part`:
//!   confined to one image
//! - what others see: `status` and `view` (as the API has it), `events` (as it happens), [`SchedulerMetrics`]
//! - `prunes`: tags that no rule writes, until somebody has decided about them
//! - `news` (pure): what operators hear of it
//! - `cache`: what saves the next run its requests; `reload`: other rules while the server runs

#![forbid(unsafe_code)]

mod active;
mod cache;
mod clock;
mod error;
mod events;
mod execute;
mod metrics;
mod news;
mod ownership;
mod part;
mod progress;
mod prunes;
mod reload;
mod runner;
mod scheduler;
mod status;
mod task;
mod timetable;
mod view;

pub use cache::CatalogCache;
pub use clock::Clock;
pub use error::Error;
pub use events::{Frame, LaggedListener, RunCopies, RunEvent, Watch};
pub use execute::executor;
pub use metrics::SchedulerMetrics;
pub use part::RunScope;
pub use prunes::{Decider, PruneDetail};
pub use reload::{Load, LoadedRules, Refusal, Reload};
pub use scheduler::{Scheduler, SchedulerParts, StartOutcome, WorkEnd};
pub use task::{Executor, Task, Update};
pub use timetable::{ScheduledRule, Timetable};
pub use view::{
    ImageView, Phase, ProgressView, RefusedReload, RuleView, RulesView, RunDetail, RunsView, SourceView,
    StateView,
};
