//! All that is not below `/v2/`, behind one router: the JSON API, pages, health, metrics, event streams.
//!
//! - `call`: a request as handlers see it; `router`: addresses to handlers, and the description of the API
//! - `site`: the router on the shared runtime, where a long handler stalls no pulls
//!
//! The network and the socket for the local command line have the same router; handlers ask who is calling.

pub(crate) mod call;
mod router;
pub(crate) mod site;

#[cfg(test)]
mod tests;
