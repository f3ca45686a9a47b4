//! Rules, as written and as checked.
//!
//! - `section` is what serde reads; `braces` and `template` are parts of its syntax
//! - `check` makes a [`RuleSet`] of sections; `filter` (tags), `version` and `schedule` are its parts
//! - `hosts` knows which names a registry accepts; `graph` finds loops, and tags that two rules would write
//!
//! Pure: no registry is queried. A [`RuleSet`] is always valid; a [`RuleError`] has the place, the fact and a hint.

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
pub use rule::{CopyTerms, Destination, RuleSet, RuleSource, SyncRule, UnknownRule};
pub use schedule::Schedule;
pub use section::{Prune, Referrers, RuleSection, TagsSection, TargetSection, TextList};
pub use template::{BackupTemplate, TagTemplate};
