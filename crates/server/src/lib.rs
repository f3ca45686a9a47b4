//! Turns HTTP into calls: connections in, [`entrepot_mirror::Mirror`] verbs out, errors into what a client can read.
//!
//! - connections: [`Server`], `accept`, `connection`, `tls`; `wire` lets the kernel send files by itself
//! - requests: `service` (one request from head to log line), `registry` (the OCI API), `sync` (the JSON API),
//!   `pages`, `control`
//! - who is let in: `admission`, by `host` and `cross_site`; `local` says whether this machine counts as its owner
//! - what clients may hold up: `answers` (memory), `patience` (how long)
//! - answers: `body`, `headers`, and [`Refusal`], the one table from errors to status, code and message

#![forbid(unsafe_code)]

mod accept;
mod access;
mod admission;
mod answers;
mod body;
mod client;
mod connection;
mod control;
mod cross_site;
mod error;
mod headers;
mod host;
mod ids;
mod incoming;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod laws;
mod local;
mod metrics;
mod pages;
mod patience;
mod query;
mod record;
mod registry;
#[cfg(any(test, fuzzing))]
mod script;
mod server;
mod service;
mod sync;
mod tls;
mod wire;
mod workers;

pub use error::{Extra, Refusal};
pub use metrics::Metrics;
pub use patience::Patience;
pub use server::{Error, Listen, Server};
pub use sync::SyncService;
pub use tls::{CertificateError, TlsFiles};
