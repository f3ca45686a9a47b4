//! Turns HTTP into calls: connections in, [`entrepot_mirror::Mirror`] verbs out, errors as readable responses.
//!
//! - connections: [`Server`], `accept`, `connection`, `tls`; `wire` lets the kernel send files by itself
//! - layers, from the bottom: `peer` (the other end), `state` (shared by all requests), `call` (a request), `answer`,
//!   `service`; a module imports those below it
//! - requests: `service` (one request from head to log line), `registry` (the OCI API); behind the router of `web`:
//!   `sync`, `requests`, `keep`, `cache`, `webhooks` and others (the JSON API, with `query` and `held`), `pages`
//! - admission: `admission`, by `host` and `cross_site`; `local` decides whether this machine counts as its owner
//! - who and from where: `origin`, by what proxies say (`forwarded`) and what is configured (`public_url`); `sender`, by
//!   credentials (`memo`: the last ones) or a session's `cookie`
//! - authorization: `sender` asks for an `action`; `authorize` says whether they may, with a `challenge` if not; `rule_admission` asks the
//!   `rules_in_force` what may be pulled, `modes_in_force` what is on offer, `limits` says how much, and `policy` may refuse what is allowed, and a `permit` goes with the response
//! - limits on slow clients: `answers` (memory), `patience` (time)
//! - responses: `body`, `headers`, and [`Refusal`], the single table from errors to status, code and message

#![forbid(unsafe_code)]

mod accept;
mod access;
mod account_views;
mod accounts;
mod action;
mod admission;
mod answer;
mod answers;
mod audit_log;
mod authorize;
mod body;
mod budget;
mod cache;
mod cache_work;
mod call;
mod challenge;
mod change_problem;
mod client;
mod compat;
mod connection;
mod cookie;
mod credentials;
mod cross_site;
mod denials;
mod denials_api;
mod denying;
mod device;
mod error;
mod explained;
mod forwarded;
mod grants;
mod headers;
pub mod held;
pub mod held_work;
mod host;
mod ids;
mod incoming;
mod keep;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod laws;
mod library;
mod limit_api;
mod limit_views;
mod limits;
mod links;
mod local;
mod login_provider;
mod memo;
mod metrics;
mod modes;
mod modes_in_force;
mod origin;
mod pages;
mod patience;
mod peer;
mod permit;
mod policy;
mod public_url;
mod pull_rules;
mod pullers;
mod query;
mod record;
mod registry;
mod requests;
mod rule_admission;
pub mod rule_views;
mod rules_in_force;
#[cfg(any(test, fuzzing))]
mod script;
mod secret_views;
mod sender;
mod server;
mod service;
mod service_notice;
mod sessions;
mod ssh_keys;
mod state;
mod status;
mod sync;
#[cfg(test)]
mod test_parts;
mod tls;
mod top;
mod web;
mod webhook_views;
mod webhooks;
mod wire;
mod workers;

pub use action::{Action, ContentRef};
pub use error::Refusal;
pub use limits::LimitsInForce;
pub use login_provider::{LoginProvider, OIDC};
pub use metrics::ServerMetrics;
pub use modes_in_force::{Disk, Machine, ModeChange, ModesInForce};
pub use patience::Patience;
pub use permit::Permit;
pub use policy::{Decision, Policy};
pub use public_url::{PublicUrl, PublicUrlError};
pub use rules_in_force::{LoadFault, LoadRules, ReloadOutcome, RulesInForce};
pub use sender::{ApiToken, Credentials, Rejection, RejectionKind, Sender};
pub use server::{Error, Listen, Server};
pub use service_notice::ServiceNotice;
pub use state::ServerParts;
pub use sync::service::SyncService;
pub use tls::{CertificateError, TlsFiles, check_certificate};
pub use top::Top;
