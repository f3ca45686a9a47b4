//! A small real registry in process with faults on demand, and random images.
//!
//! - [`TestRegistry`] serves pull and push on loopback, keeps a [`Log`] of requests and plays a [`Fault`] when told to
//! - [`TestImage`] makes images, indexes and artifacts out of a seed, the same bytes every time
//! - [`client`] pulls and looks at answers, also while they are still on their way
//!
//! Tests only. A wrong use of the kit ends the test at once, so its functions panic instead of returning errors.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code: a broken promise ends the test")]

mod allowance;
mod answer;
mod auth;
mod body;
mod capabilities;
pub mod client;
mod fault;
mod gate;
mod image;
mod log;
mod patience;
mod play;
mod pull;
mod push;
mod quirks;
mod random;
mod registry;
mod request;
mod rush;
mod serve;
mod state;
mod store;
mod wire;

pub use auth::{Bearer, TokenField};
pub use capabilities::{Capabilities, RateLimit};
pub use fault::{Action, Fault, Match, Place};
pub use gate::Gate;
pub use image::{TestImage, TestManifest};
pub use log::{End, Log, Request};
pub use patience::{patiently, until, until_answer};
pub use registry::TestRegistry;
pub use request::Kind;
