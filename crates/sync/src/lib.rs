//! Plans and performs copies of images between registries, layouts and archives.
//!
//! - `rules` define what is wanted (pure), `survey` finds out what is there, `plan` decides what to do (pure)
//! - `run` does all of this for a set of rules and produces a `report`
//! - `prune` removes what no rule writes, once somebody has looked at it
//! - `copy` is the engine: it reads each blob once for all its targets, from and to any [`Place`]
//! - [`CopyEvent`]s report progress; [`CopyResult`]s report the result of each copy
//!
//! Independent of terminal, database and HTTP server: the caller provides [`Registries`].

#![forbid(unsafe_code)]

mod cache;
mod configured;
mod copy;
mod endpoints;
mod file_cache;
mod image_config;
mod job;
#[cfg(any(test, fuzzing))]
pub mod laws;
mod look;
mod place;
mod plan;
mod provider;
mod prune;
mod registries;
mod registry_defaults;
mod report;
pub mod rules;
mod run;
mod shape;
mod survey;

pub use cache::SyncCache;
pub use configured::{ConfiguredRegistries, FindLogins, RegistrySettings};
pub use copy::{ArchiveFiles, PackedImage, RunLimits, Sealing, contents, packed, perform, seal};
pub use file_cache::FileCache;
pub use image_config::image_config;
pub use job::{
    CopyEvent, CopyFailure, CopyJob, CopyResult, CopySuccess, Format, JobOutcome, JobTarget, Shape,
};
pub use look::look;
pub use place::Place;
pub use plan::{
    CopyAction, CopyImage, CopyRequest, CopyTarget, JobState, Plan, PlanAction, PlanCounts, PlanStep,
    TargetState, plan, settle,
};
pub use provider::Provider;
pub use prune::{ExtraTag, PruneResult, extra_tags, prune};
pub use registries::{Registries, Registry};
pub use registry_defaults::RegistryDefaults;
pub use report::{Report, ReportLine, ReportState, RuleTotals, RunVerdict, Totals, timestamp};
pub use run::{Options, apply, check, prepare};
pub use survey::{Survey, belongs_to};
