//! A small real in-process registry with faults on demand, and generated images.
//!
//! - [`TestRegistry`] serves pulls and pushes on loopback, keeps a [`Log`] of requests and plays [`Fault`]s on request
//! - [`TestImage`] generates images, indexes and artifacts from a seed, with the same bytes every time
//! - [`identity_provider`] is a small OpenID provider
//! - [`TestProxy`] is a proxy, by HTTP and SOCKS5, that is slow, falls silent or resets its connections on request
//! - [`engine`] is a container engine, in the words of Docker or Podman
//! - [`Receiver`] hears requests of any kind
//! - `s3`, a feature, is a real S3 server with faults of its own
//! - [`client`] pulls, and examines responses while they arrive; [`CapturedOutput`] keeps what a log writes
//!
//! For tests only. Misuse ends the test at once: functions panic instead of returning errors.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code: a broken promise ends the test")]

pub mod addresses;
mod allowance;
mod answer;
mod auth;
mod body;
mod capabilities;
mod captured;
pub mod client;
pub mod engine;
mod fault;
mod gate;
pub mod identity_provider;
mod image;
mod log;
mod patience;
mod play;
mod proxy;
mod pull;
mod push;
mod quirks;
mod random;
mod receiver;
mod registry;
mod request;
mod rush;
#[cfg(feature = "s3")]
pub mod s3;
mod schema1;
mod serve;
mod state;
mod store;
mod wire;

pub use auth::{Bearer, RefusalStyle, TokenField};
pub use capabilities::{Capabilities, Paging, RateLimit};
pub use captured::CapturedOutput;
pub use fault::{Action, BytePosition, Fault, Match};
pub use gate::Gate;
pub use image::{TestImage, TestManifest};
pub use log::{Log, Request, ResponseEnd};
pub use patience::{patiently, until, until_answer};
pub use proxy::TestProxy;
pub use receiver::{ReceivedRequest, Receiver};
pub use registry::TestRegistry;
pub use request::ResourceKind;
pub use schema1::{schema1, signed_schema1};
