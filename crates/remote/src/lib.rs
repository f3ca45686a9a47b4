//! A client for registries that are not ours.
//!
//! - [`Remote`] is one registry, set up from [`RemoteSettings`]. It reads (`manifest`, `blob`, `tags`, `listing`,
//!   `referrers`), writes (`push`, `upload`), checks rights (`access`, `login`) and asks what everybody may read
//!   (`public_view`)
//! - on the way: `links` says over which link a request goes, `failover` tries endpoints and links, `exchange` follows
//!   challenges and redirects, `throttle` and `backoff` wait; `pulls` counts what registries count, and says which account
//!   has how much left; the crate `egress` says which addresses may be contacted
//! - results: [`FetchedManifest`], [`BlobStream`], [`TagPage`], or an [`Error`] that says what to do next
//!
//! Nothing here decodes, stores or retries for long. Documents are verified when they are complete; the bytes of
//! blobs are passed on unverified.

#![forbid(unsafe_code)]

mod access;
mod accounts;
mod api_address;
mod auth;
mod backoff;
mod blob;
mod body;
mod certificates;
mod client;
mod connections;
mod credential;
mod destination;
mod dispatch;
mod egress_error;
mod endpoint;
mod error;
mod exchange;
mod failover;
mod health;
mod last_accounts;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod laws;
mod link_header;
mod links;
mod listing;
mod login;
mod manifest;
mod memory_budget;
mod network_fault;
mod outcome;
mod patience;
mod public_view;
mod pull_quota;
mod pulls;
mod push;
mod quota;
mod quotas;
mod rate;
mod referrers;
mod refusal;
mod remote;
mod repeated;
mod request;
mod response;
mod retry_after;
mod settings;
mod stored;
mod tags;
mod throttle;
mod token;
mod trial;
mod upload;
mod upload_body;

pub use access::{RepositoryAccess, Rights};
pub use accounts::is_own;
pub use blob::{BlobHead, BlobRequest, BlobStream};
pub use credential::Credential;
pub use egress_error::{EgressError, MAX_REDIRECTS};
pub use endpoint::Endpoint;
pub use error::{Cause, Error, InvalidResponse, UnboundedListing};
pub use health::{COOLING, DISTRUST, EndpointHealth, FAILURES, PROBE_INTERVAL};
pub use links::{
    section::{LinkFault, LinkSettings},
    standing::SILENCE,
    status::{LinkFailure, LinkState, LinkStatus},
    table::LinkTable,
};
pub use listing::bounds::{
    LISTING_TIMEOUT, MAX_NAME_BYTES, MAX_NAME_PAGES, MAX_NAMES, MAX_REFERRER_BYTES, MAX_REFERRER_PAGES,
    MAX_REFERRERS,
};
pub use login::LoginOutcome;
pub use manifest::{FetchedManifest, FoundManifest, ManifestHead};
pub use network_fault::{NetworkFault, NetworkFaultKind, TlsFault};
pub use outcome::{Observer, RequestOutcome};
pub use patience::{
    COMMIT_TIMEOUT, CONNECT_TIMEOUT, DOCUMENT_TIMEOUT, FLOOR, GIVE_UP, HEADER_TIMEOUT, HEDGE, IDLE_TIMEOUT,
    Patience,
};
pub use public_view::PublicView;
pub use pull_quota::PullQuota;
pub use push::PushedManifest;
pub use quota::{AccountQuota, QuotaState};
pub use quotas::Quotas;
pub use rate::{Rate, RateError};
pub use refusal::Refusal;
pub use remote::Remote;
pub use retry_after::MAX_RETRY_AFTER;
pub use settings::{AccountFault, RemoteSettings, SettingsError};
pub use stored::StoredCredentials;
pub use tags::TagPage;
pub use upload::{CancelOutcome, Mount, Upload};
pub use upload_body::UploadBody;
