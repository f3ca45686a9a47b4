//! What is wanted: rules as they are written, and as they are once they are known to be right.
//!
//! - written: `section` (what serde reads), `braces`, `template`
//! - meant: `check` makes a [`RuleSet`] of them; its parts are `filter` (tags), `version`, `schedule`
//! - held against: `hosts` (what a registry can hold), `graph` (loops, and tags that two would write)
//!
//! Pure: nothing here asks a registry. A [`RuleSet`] is valid; a [`RuleError`] says where, what and the way out.

mod braces;
mod check;
mod error;
mod filter;
mod graph;
mod hosts;
mod rule;
mod schedule;
mod section;
mod template;
#[cfg(test)]
mod tests;
pub(crate) mod version;

pub use error::RuleError;
pub use filter::TagFilter;
pub use hosts::refusal;
pub use rule::{Destination, Rule, RuleSet, Source, Terms, UnknownRule};
pub use schedule::Schedule;
pub use section::{Prune, Referrers, RuleSection, TagsSection, TargetSection, Texts};
pub use template::{BackupTemplate, TagTemplate};
