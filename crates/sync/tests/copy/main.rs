//! The engine against registries in process: what it asks, what it sends, and what is there afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code: a broken promise ends the test")]

mod faults;
mod files;
mod forms;
mod planted;
mod referrers;
mod registries;
mod support;
mod uploads;
