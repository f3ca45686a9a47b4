//! Rules of syncs, and how they stand.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{copy::CopyCounts, progress::Progress, run::Run, timestamp::Timestamp};

/// All rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleList {
    /// The rules, in the order of the configuration.
    pub rules: Vec<Rule>,
    /// Why the configuration as it is now was not taken, if it was not. The rules are then the ones before.
    #[schema(required = true)]
    pub refused: Option<RefusedConfig>,
}

/// Why a changed configuration was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedConfig {
    /// When it was refused.
    pub at: Timestamp,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    #[schema(required = true)]
    pub hint: Option<String>,
}

/// A rule, and the state of its copies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rule {
    /// Its name, which is unique.
    pub name: String,
    /// Its title for readers.
    #[schema(required = true)]
    pub title: Option<String>,
    /// The heading that readers find it under.
    #[schema(required = true)]
    pub category: Option<String>,
    /// Its schedule, as it was written.
    #[schema(required = true)]
    pub schedule: Option<String>,
    /// The time zone of the schedule.
    #[schema(required = true)]
    pub time_zone: Option<String>,
    /// When it runs next by its schedule.
    #[schema(required = true)]
    pub next: Option<Timestamp>,
    /// The repositories that it copies.
    pub sources: Vec<Source>,
    /// How its copies stand.
    pub copies: CopyCounts,
    /// Its last run that has ended.
    #[schema(required = true)]
    pub last: Option<Run>,
    /// The progress of its active run, if there is one.
    #[schema(required = true)]
    pub running: Option<Progress>,
}

/// A repository that is copied, and where to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Source {
    /// The repository, with its registry.
    pub from: String,
    /// The repositories that it is copied to, with their registries.
    pub to: Vec<String>,
}
