//! Decides which addresses may be contacted when somebody else supplied them: redirects, token servers, pagination links.
//!
//! - [`Gate`] checks an address before a request; [`Resolver`] checks the IP addresses behind its name when connecting
//! - [`Exemptions`] are the private addresses that an operator configured, and the proxies in use ([`Proxies`])
//! - [`may_forward_credentials`] says whether two servers have the same owner
//!
//! Without a proxy both checks apply. A proxy looks names up itself, so behind one only the [`Gate`] does: it therefore
//! judges names as well as addresses. This crate sends no requests.

#![forbid(unsafe_code)]

mod address;
mod error;
mod exemptions;
mod gate;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod laws;
mod name;
mod owner;
mod proxy;
mod resolver;

pub use error::Error;
pub use exemptions::Exemptions;
pub use gate::Gate;
pub use name::is_public_name;
pub use owner::may_forward_credentials;
pub use proxy::Proxies;
pub use resolver::Resolver;
