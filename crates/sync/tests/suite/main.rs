//! Rules, surveys and runs against registries in this process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

mod import;
mod registries;
mod run;
mod survey;
