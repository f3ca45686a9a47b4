//! Tells readers where images are and how syncs stand.
//!
//! - [`guide()`]: every address that an image can be pulled from, in Markdown, in Chinese or English
//! - [`badge()`]: how much is in sync, as SVG
//! - [`log()`]: a report in the states of DaoCloud's public mirror, for scripts that read these
//!
//! Pure: made of rules and reports; where they are kept and how they are served is for others.

#![forbid(unsafe_code)]

mod badge;
mod guide;
mod log;
mod markdown;
mod names;
mod scope;
mod section;
mod words;

pub use badge::badge;
pub use guide::{RuleStanding, RuleStandings, guide};
pub use log::log;
pub use scope::scope;
pub use words::GuideLanguage;
