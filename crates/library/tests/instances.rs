//! Instances on engines in process: how they come up, what becomes of them, and what is left of them.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "outside of test functions, but only for them"
)]

#[path = "instances/yard.rs"]
mod yard;

#[path = "instances/bring_up.rs"]
mod bring_up;
#[path = "instances/images.rs"]
mod images;
#[path = "instances/look.rs"]
mod look;
#[path = "instances/pins.rs"]
mod pins;
#[path = "instances/split.rs"]
mod split;
#[path = "instances/streams.rs"]
mod streams;
#[path = "instances/verbs.rs"]
mod verbs;
#[path = "instances/waits.rs"]
mod waits;
#[path = "instances/watch.rs"]
mod watch;
