//! Speaks to any registry that is not ours.
//!
//! - what is asked: [`Remote`] and its verbs, to read (`manifest`, `blob`, `tags`, `listing`, `referrers`), to write
//!   (`push`, `upload`) and to ask what may be done (`access`), set up from [`Settings`]
//! - how it gets there: `endpoints` (order and cooling), `accounts` (who sees which), `exchange` (tokens, redirects),
//!   `pacing` (how fast), `supply` (what is sent); the crate `egress` says which addresses may be contacted
//! - what comes back: [`FetchedManifest`], [`BlobStream`], [`TagPage`], or an [`Error`] that says what to do next
//!
//! Nothing here decodes, stores or retries for long: bytes are checked where they are buffered, and handed on.

#![forbid(unsafe_code)]

mod access;
mod accounts;
mod answer;
mod ask;
mod auth;
mod blob;
mod body;
mod client;
mod egress_error;
mod endpoints;
mod error;
mod exchange;
mod health;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod laws;
mod limits;
mod link;
mod listing;
mod login;
mod manifest;
mod outcome;
mod pacing;
mod push;
mod rate_limit;
mod referrers;
mod refusal;
mod remote;
mod retry_after;
mod room;
mod settings;
mod supply;
mod tags;
mod upload;

pub use access::{Access, Rights};
pub use accounts::{AccountFault, is_own};
pub use blob::{BlobAsk, BlobHead, BlobStream};
pub use client::{
    COMMIT_TIMEOUT, CONNECT_TIMEOUT, DOCUMENT_TIMEOUT, FLOOR, GIVE_UP, HEADER_TIMEOUT, IDLE_TIMEOUT, Patience,
};
pub use egress_error::{EgressError, MAX_REDIRECTS};
pub use endpoints::Endpoint;
pub use error::{Cause, Endless, Error, InvalidAnswer};
pub use health::{COOLING, DISTRUST, FAILURES, PROBE_INTERVAL};
pub use listing::bounds::{
    LISTING_TIMEOUT, MAX_NAME_BYTES, MAX_NAME_PAGES, MAX_NAMES, MAX_REFERRER_BYTES, MAX_REFERRER_PAGES,
    MAX_REFERRERS,
};
pub use login::Login;
pub use manifest::{FetchedManifest, ManifestHead};
pub use outcome::{Observer, RequestOutcome};
pub use pacing::{Rate, RateError};
pub use push::Pushed;
pub use rate_limit::RateLimit;
pub use refusal::Refusal;
pub use remote::Remote;
pub use retry_after::MAX_RETRY_AFTER;
pub use settings::{Credential, Settings, SettingsError};
pub use supply::Load;
pub use tags::TagPage;
pub use upload::{Cancelled, Mount, Upload};
