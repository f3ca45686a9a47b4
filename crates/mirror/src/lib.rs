//! The pull-through mirror: answers pulls from what is held, fetches what is missing once, and takes pushes.
//!
//! - where a name leads: [`Names`]; how old an answer may be: `freshness`; both pure
//! - everything that is asked of an upstream: `upstream`; everything that is held, with the order of locks and of writes:
//!   `holdings`, each store behind a `circuit_breaker`; the caches in front of both: `memory`
//! - pulls: `manifests`, `blobs`, `lists`, and `fill`, the one download of a blob that any number of clients read;
//!   `possession` proves that an upstream has what another one gave us
//! - what is on offer in a mode, and to whom: `offered`, [`Purpose`]
//! - which repositories of upstreams are public: `visibility`
//! - what this server itself looks into: `insight`
//! - pushes to hosted names: `hosted`, `uploads`; what is held, for people: `inventory`; bytes against records: `heal`
//!
//! [`Mirror`] has a verb for each request. This crate knows neither HTTP answers nor SQL.

#![forbid(unsafe_code)]

mod batch;
mod blobs;
mod budget;
mod circuit_breaker;
mod clock;
mod digest_locks;
mod error;
mod fill;
mod findings;
mod freshness;
mod gone;
mod heal;
mod holdings;
mod hosted;
mod insight;
mod inventory;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod laws;
mod link_metrics;
mod lists;
mod manifest_check;
mod manifests;
mod memory;
mod metrics;
mod mirror;
mod names;
mod offered;
mod passthrough;
mod possession;
mod pull_counts;
mod purpose;
mod served;
mod served_blob;
mod settings;
mod single_flight;
mod size_limit;
mod store;
mod stored_object;
mod tasks;
mod uploads;
mod upstream;
mod verdict;
mod visibility;

pub use budget::{Budget, Reservation};
pub use clock::Clock;
pub use entrepot_blobs::Mapping;
pub use entrepot_catalog::{Ancestor, Origin, RepoKey};
pub use entrepot_remote::{
    AccountQuota, LinkFailure, LinkState, LinkStatus, NetworkFault, NetworkFaultKind, PullQuota, QuotaState,
    Standing,
};
pub use error::{Error, NotOffered, UpstreamFault};
pub use findings::{Fault, Finding, Verification};
pub use holdings::verify::Check;
pub use insight::BlobBytes;
pub use inventory::{HeldImage, HeldRepository, ImagePage, NamePage, Removal, RepositoryPage, Totals};
pub use link_metrics::LinkMetrics;
pub use metrics::Metrics;
pub use mirror::{Mirror, Parts};
pub use names::{Asked, Names, Target};
pub use purpose::Purpose;
pub use served::{
    BlobHead, BlobStream, Cut, HeldManifest, ManifestHead, Mounted, Opened, Pushed, ReferrerList,
    ServedManifest, TagPage, UploadId, Uploader,
};
pub use served_blob::{ServedBlob, Temperature};
pub use settings::{Freshness, Settings, TagRule, UpstreamParts};
pub use upstream::{RuleError, UpstreamBudget, UpstreamState};
pub use verdict::{Probe, Verdict};
