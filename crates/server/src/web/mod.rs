//! Everything outside `/v2/`, behind one router: the JSON API, pages, health, metrics, event streams.
//!
//! - `allowed`: may the caller do this; `revision`: changes that count only if nothing has changed since
//! - `call`: a request as handlers see it; `request`: what they read from it; `router`: addresses to handlers, and the API description
//! - `live`: answers that go on while something happens; `following`: one thing to its end
//! - `site`: the router on the shared runtime, where a slow handler stalls no pulls
//!
//! The network and the local socket use the same router; handlers check the caller.

pub(crate) mod allowed;
pub(crate) mod call;
pub(crate) mod following;
pub(crate) mod live;
pub(crate) mod request;
pub(crate) mod revision;
mod router;
pub(crate) mod site;
mod token;

#[cfg(test)]
mod tests;
