//! Rules: as they are written, and checked.
//!
//! - `section` is what serde reads; `braces` and `template` are parts of its syntax
//! - `check` makes a [`RuleSet`] of sections; `filter` (tags), `version` and `schedule` are its parts
//! - `hosts` knows which names a registry can hold; `graph` finds loops, and tags that two rules would write
//!
//! Pure: nothing here asks a registry. A [`RuleSet`] is always valid; a [`RuleError`] says where the fault is, what it is, and what to do.

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
