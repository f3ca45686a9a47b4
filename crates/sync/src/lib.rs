//! Plans and performs copies of images between registries, layouts and archives.
//!
//! - what is wanted: `rules` (pure); what is there: `survey`; what is to be done: `plan` (pure)
//! - all of it in a row: `run`; for readers: `report`, `guide`, `badge`, `log`; from other tools: `import`
//! - how it is done: `copy`, the engine, which reads each blob once for all its targets, from and to any [`Place`]
//! - what became of it: [`Event`]s while it runs, a report of [`Row`]s at the end
//!
//! Nothing here knows the terminal, a database or an HTTP answer: who runs a sync gives it [`Registries`].

#![forbid(unsafe_code)]

mod badge;
mod cache;
mod configured;
mod copy;
mod ends;
mod file_cache;
mod guide;
mod habits;
mod import;
mod job;
#[cfg(any(test, fuzzing))]
pub mod laws;
mod list;
mod log;
mod place;
mod plan;
mod registries;
mod report;
pub mod rules;
mod run;
mod service;
mod shape;
mod survey;
mod table;

pub use badge::badge;
pub use cache::SyncCache;
pub use configured::{ConfiguredRegistries, FindLogins, RegistrySettings};
pub use copy::{Beside, Limits, Packed, Sealing, contents, packed, perform, seal};
pub use file_cache::FileCache;
pub use guide::{Language, RuleStanding, Standing, guide, scope};
pub use habits::Habits;
pub use import::{ImportError, Imported, Input, Kind, import};
pub use job::{Done, Event, Failure, Format, Job, Outcome, Row, Shape, Target};
pub use list::format_list;
pub use log::log;
pub use place::Place;
pub use plan::{Action, Counts, Plan, Step, plan};
pub use registries::{Registries, Registry};
pub use report::{Line, Report, RuleTotals, State, Totals, Verdict, timestamp};
pub use run::{Options, apply, check, prepare};
pub use service::Service;
pub use survey::{Survey, belongs_to};
pub use table::{TagRow, TagTable, tag_tables};
