//! Each verb, against engines of all dialects.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

mod common;
mod create;
mod golden;
mod hostile;
mod lifecycle;
mod link;
mod pull;
mod survey;
