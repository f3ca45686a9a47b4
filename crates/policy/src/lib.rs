//! Decides what may be pulled through a mirror. Pure: facts in, decisions out.
//!
//! - what is written: [`ImagePattern`], [`RuleList`], [`RulesSection`], [`Contact`]
//! - what is in force: [`PullRules`], by an `index` that looks at few rules; the `nearest` name that is allowed
//! - a repository gets a [`Ruling`], an image a [`Decision`], and a part of an image one by its [`Lineage`]
//! - how much: [`PullLimits`], as they are written by [`Allowance`] and [`Volume`]; a [`Bucket`] says when more is due, a [`RecentTable`]
//!   whose it is, a [`Pace`] how bytes go; [`BanRule`] says who is sent away
//! - what somebody is told: `message`; which rule decides: [`Explanation`]
//! - how much is on offer: [`Mode`], by hand or by a [`Condition`]; [`Modes`] decides, an [`Offer`] is what came of it

#![forbid(unsafe_code)]

mod allowance;
mod ban;
mod bucket;
mod condition;
mod contact;
mod explanation;
mod full_name;
mod index;
mod limits;
mod lineage;
mod list_file;
mod message;
mod mode;
mod modes;
mod nearest;
mod offer;
mod pace;
mod pattern;
mod percent;
mod rule;
mod rules;
mod section;
mod table;

pub use allowance::{Allowance, AllowanceError, Volume, VolumeError};
pub use ban::{BanRule, Strikes};
pub use bucket::{Bucket, TakeOutcome};
pub use condition::{Condition, ConditionError, HELD_FOR, Measure, Measurements, WrittenCondition};
pub use contact::{Contact, ContactError};
pub use explanation::Explanation;
pub use full_name::FullName;
pub use limits::{ClientLimits, ImageLimits, LimitsSection, Profile, PullLimits, TotalLimits, rate_bucket};
pub use lineage::{ImagePart, Lineage, ManifestLineage, digest_of_tag};
pub use list_file::{LARGEST_LIST, LineFault};
pub use message::PullSubject;
pub use mode::{Mode, ModeError};
pub use modes::{ModeSettings, Modes, ModesFault, ModesSection, Order};
pub use offer::{Cause, Offer, Withheld};
pub use pace::{LONGEST_DEBT, Pace, SLOWEST};
pub use pattern::{ImagePattern, ImagePatternError};
pub use percent::{Percent, PercentError};
pub use rule::{ListKind, Notice, PullRule, RuleList, WrittenRule};
pub use rules::{Decision, ListSummary, PullRules, RepositoryRules, RuleRefusal, Ruling};
pub use section::{DenyRule, RulesSection, SectionFault};
pub use table::RecentTable;
