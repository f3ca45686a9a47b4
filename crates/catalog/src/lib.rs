//! Records in SQLite or PostgreSQL: which repository has which tags, manifests and blobs, and what became of syncs.
//!
//! - [`Catalog`]: open it at a [`Location`]; every change is one transaction
//! - `tags`, `manifests`, `blobs`: one kind of row each; `usage`, `images`, `counts`: what is shown to people; `removal`:
//!   removing images; `recorded`: all digests, for comparison with the bytes; `sync`: runs and their copies; `server_lock`: one server for each database
//! - `lineage`: by which tags and manifests a part of an image is reached
//! - `visibility`: which repositories of upstreams are public; `mode_order`: the mode that was set by hand
//! - `bans`: who is sent away; `denials`: what was denied by command; `pullers`: who pulled what
//! - `access`: accounts, API tokens, sessions, the audit log; `secrets`: what is stored sealed
//! - `webhooks`: what other servers are told of
//! - `library`: entries, nodes, specs, instances and pulls of the image library
//! - `eviction`: pins, what repositories hold, what goes and what comes back
//! - `database`, `dialect`, `open`, `sql`: one SQL text for both databases
//!
//! It holds no bytes: those are in the crate `blobs`, by digest. Bytes that no record here names may be deleted there.

#![forbid(unsafe_code)]

mod access;
mod bans;
mod blobs;
mod counts;
mod database;
mod denials;
mod dialect;
mod error;
mod eviction;
mod images;
mod instance;
mod keep;
mod key;
mod library;
mod lineage;
mod manifests;
mod mode_order;
mod open;
mod plan;
#[cfg(test)]
mod plans_by_index;
mod pullers;
mod recorded;
mod records;
mod removal;
mod requests;
mod secrets;
mod server_lock;
mod sql;
mod sync;
mod tags;
mod upkeep;
mod usage;
mod visibility;
mod webhooks;
mod words;

pub use access::{
    AccountChange, AccountFilter, AccountKind, AccountOrder, AccountRecord, ApiTokenFilter, ApiTokenRecord,
    ApiTokenSecret, AuditEntry, AuditFilter, AuditOutcome, AuditRecord, GrantRecord, MAX_SESSIONS,
    NewAccount, NewApiToken, NewGrant, NewSession, RenewedSecret, SessionRecord, SigningKeyRecord,
    SshKeyRecord, SshKeySet,
};
pub use bans::BanRecord;
pub use database::Catalog;
pub use denials::DenialRecord;
pub use error::{Error, FileProblem};
pub use eviction::{
    Conditions, HeldRepository, ManifestContent, NewPin, PinFilter, PinRecord, PinSource, RepositoryContent,
    RetireOutcome, RetiredContent, ReturnedImage, ReturnedImages, SpareReason,
};
pub use instance::{Instance, InstanceId};
pub use keep::{KeepCounts, KeepImageRecord, KeepOutcome, KeepRunRecord, KeepState};
pub use key::{Origin, RepoKey};
pub use library::{
    Accelerator, AllocationRecord, CheckStatus, ChosenPlace, DeviceRecord, DeviceState, DeviceVendor,
    EntryCheck, EntryCursor, EntryFields, EntryFilter, EntryOrder, EntryPlatform, EntryRecord, EntryRemoval,
    EntrySave, EntryUse, FoundDevice, GroundCard, GroundNode, GroundShare, Holdings, ImageContents,
    InstanceChange, InstanceChanged, InstanceDesired, InstanceFilter, InstancePhase, InstanceReason,
    InstanceRecord, InstanceSplit, InstanceState, Libc, NewInstance, NewNode, NewPull, NodeCheck, NodeFilter,
    NodeOffer, NodeRecord, NodeRemoval, NodeSettings, NodeStatus, PeriodRecord, PlaceOutcome, PlacementFacts,
    PortRange, PortRecord, PullEnd, PullFilter, PullQuota, PullRecord, PullStatus, PullStep, PullVia,
    QuotaRecord, RetakeOutcome, SecretChange, SecretRecord, SpecFields, SpecFilter, SpecRecord, SpecRemoval,
    SpecVendor, SpecWait, SplitCheck, VolumeRecord,
};
pub use manifests::{LISTING_BYTES, NewManifest};
pub use mode_order::ModeOrderRecord;
pub use open::Location;
pub use pullers::PullerRecord;
pub use records::{
    Ancestor, ImageRow, Listing, ManifestRecord, RemovedContent, RepositoryRow, Selection, TagList,
    TagRecord, Totals, UnlinkOutcome, Use, VisibilityRecord,
};
pub use requests::{
    ImageRequestCounts, ImageRequestEnd, ImageRequestFilter, ImageRequestRecord, ImageRequestStatus,
    ImageRequestStep, NewImageRequest,
};
pub use secrets::{CredentialRecord, NewCredential, SealedRow, SealedTable};
pub use server_lock::{Claim, LockHolder, ServerLock};
pub use sync::{
    Cause, Copy, CopyCounts, CopyOutcome, CopyState, KEPT_PRUNES, KEPT_RUNS, MAX_RUN_COPIES, NewPrune,
    NewRun, Orphans, PruneDecision, PruneOutcome, PruneRecord, PruneStatus, PruneTag, RunCopy, RunEnd, RunId,
    RunIdError, RunOutcome, RunRecord, SettledCopies, SourceTag,
};
pub use upkeep::{Upkeep, UpkeepRecord};
pub use webhooks::{
    DeliveryAttempt, DeliveryFilter, DeliveryRecord, DeliveryStatus, KEPT_DELIVERIES, NewDelivery,
};
