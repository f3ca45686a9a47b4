//! The pull-through mirror: answers pulls from what is held, fetches what is missing once, and takes pushes.
//!
//! - where a name leads: [`NameResolver`]; how old an answer may be: `freshness`; both pure
//! - everything that is asked of an upstream: `upstream`; everything that is held, with the order of locks and of writes:
//!   `holdings`, each store behind a `circuit_breaker`; the caches in front of both: `memory`
//! - pulls: `manifests`, `blobs`, `lists`, and `fill`, the one download of a blob that any number of clients read;
//!   `possession` proves that an upstream has what another one gave us
//! - what is on offer in a mode, and to whom: `offered`, [`Purpose`]
//! - what goes when there is too much: `eviction`; what stays whatever happens: `pins`
//! - which repositories of upstreams are public: `visibility`; what is known of a name before it is asked for: `familiarity`
//! - what this server itself looks into: `insight`; having all of an image here: `whole`
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
mod eviction;
mod familiarity;
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
mod one_job;
mod passthrough;
mod pins;
mod possession;
mod pull_counts;
mod purpose;
mod rate;
mod room;
mod rule_error;
mod scrub;
mod scrub_report;
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
mod whole;

pub use budget::{Budget, Reservation};
pub use clock::Clock;
pub use entrepot_blobs::Mapping;
pub use entrepot_catalog::{Ancestor, NewPin, Origin, PinFilter, PinRecord, PinSource, RepoKey};
pub use entrepot_eviction::{LimitsError, Reason as EvictionReason, Saving, Trigger as EvictionTrigger};
pub use entrepot_remote::{
    AccountQuota, EndpointHealth, LinkFailure, LinkState, LinkStatus, NetworkFault, NetworkFaultKind,
    PullQuota, QuotaState,
};
pub use error::{Error, NotOffered, UpstreamFault};
pub use eviction::{EvictionEnd, EvictionPlan, EvictionProgress, EvictionReport, PlannedImage};
pub use familiarity::Familiarity;
pub use findings::{Discrepancy, Finding, Verification};
pub use holdings::verify::Check;
pub use insight::BlobBytes;
pub use inventory::{HeldImage, HeldRepository, ImagePage, NamePage, Removal, RepositoryPage, Totals};
pub use link_metrics::LinkMetrics;
pub use metrics::MirrorMetrics;
pub use mirror::{Mirror, MirrorParts};
pub use names::{NameResolver, RegistryHint, ResolvedRepository};
pub use one_job::JobState;
pub use pins::PinPage;
pub use purpose::Purpose;
pub use rate::Rate;
pub use rule_error::RuleError;
pub use scrub_report::{ScrubEnd, ScrubFinding, ScrubOutcome, ScrubProgress, ScrubReport};
pub use served::{
    BlobHead, BlobStream, Cut, HeldManifest, ManifestHead, Mounted, Opened, Pushed, ReferrerList,
    ServedManifest, TagPage, UploadId, Uploader,
};
pub use served_blob::{ServedBlob, Temperature};
pub use settings::{Freshness, MirrorSettings, SettingsError, TagRule, UpstreamParts};
pub use upstream::{UpstreamBudget, UpstreamState};
pub use verdict::{AnonymousAccess, Probe};
pub use whole::{BlobArrival, WholeImage};
