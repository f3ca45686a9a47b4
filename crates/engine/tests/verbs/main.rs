//! Each verb, against engines of all dialects.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

mod commit;
mod common;
mod create;
mod exec;
mod golden;
mod hostile;
mod lifecycle;
mod link;
mod output;
mod pull;
mod survey;
