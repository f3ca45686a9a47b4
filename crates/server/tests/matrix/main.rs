//! Who may do what: every request that there is, by everybody, of what exists and of what does not.
//!
//! What is expected comes from the documentation: `docs/how-to/access.md` says what roles may do, and
//! `docs/reference/http-api.md` which right a request needs. A route without a row there fails, and so does an answer that
//! tells somebody who may not know whether a thing exists.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

#[path = "../support/mod.rs"]
mod support;

mod api;
mod conditional;
mod documented;
mod registry;
mod senders;
mod yard;
