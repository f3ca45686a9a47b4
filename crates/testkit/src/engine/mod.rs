//! A container engine in process, in the words of Docker or Podman, that misbehaves on demand.
//!
//! - [`TestEngine`] listens on a socket, or on loopback with or without TLS
//! - [`Dialect`] says whose words it speaks; [`PullableImage`] is an image that it can pull; [`Refusal`] is why it cannot
//! - [`EngineFault`] is how it misbehaves; [`EngineCall`] is what it was asked
//!
//! Its containers run nothing: they have states, and what they would print and answer is given by the test.

mod call;
mod commit;
mod containers;
mod context;
mod create;
mod dialect;
mod event;
mod events;
mod exec;
mod fault;
mod follow;
mod handle;
mod images;
mod inspect;
mod labels;
mod logs;
mod offer;
mod program;
mod progress;
mod record;
mod refuse;
mod reply;
mod routes;
mod serve;
mod state;
mod stats;
mod system;
mod tls;
mod usage;
mod volumes;

pub use call::EngineCall;
pub use dialect::Dialect;
pub use fault::{EngineFault, Misbehaviour};
pub use handle::TestEngine;
pub use offer::{PullableImage, Refusal};
pub use program::ExecAnswer;
pub use tls::TestCertificates;
pub use usage::TestUsage;
