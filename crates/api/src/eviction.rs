//! What stays, what goes, and whether what is held is still what it should be.

use entrepot_oci::Digest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::words::words;

words! {
    /// The kind of thing that pins an image.
    CachePinSource {
        /// Somebody requested the image.
        Requested = "requested",
        /// A keep list names it.
        Kept = "kept",
        /// An entry of the library that is on the shelf.
        Shelf = "shelf",
        /// An instance runs from it.
        Instance = "instance",
        /// Somebody pinned it by hand.
        Hand = "hand",
    }
}

/// A page of pins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CachePinList {
    /// The pins, the oldest first.
    pub pins: Vec<CachePin>,
    /// Whether more follow: ask again with `last` as the id of the last one.
    pub more: bool,
}

/// A pin: an image that is not evicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CachePin {
    /// Its key.
    pub id: String,
    /// The repository: `docker.io/library/nginx`.
    pub name: String,
    /// The manifest. What it leads to stays with it.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// What kind of thing pins it.
    pub source: CachePinSource,
    /// Which one of that kind: the request, the list, the entry, the instance, the account.
    pub held_by: String,
    /// Why.
    pub reason: String,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// When it ends by itself, in seconds since 1970.
    #[schema(required = true)]
    pub expires: Option<u64>,
}

/// An image to be pinned by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCachePin {
    /// The repository: `docker.io/library/nginx`.
    pub name: String,
    /// A tag that is held, or a digest, which need not be.
    pub reference: String,
    /// Why, for others.
    pub reason: String,
    /// When the pin ends by itself, in seconds since 1970.
    #[serde(default)]
    pub expires: Option<u64>,
}

/// Which pins are meant: those that match all that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CachePinQuery {
    /// Pins in this repository.
    pub name: Option<String>,
    /// Pins of this manifest.
    pub digest: Option<String>,
    /// Pins of this source.
    pub source: Option<String>,
    /// Pins held by this one.
    pub held_by: Option<String>,
    /// The most that are listed.
    pub n: Option<usize>,
    /// Those after the one with this id.
    pub last: Option<String>,
}

/// The pins that were ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheUnpinned {
    /// How many.
    pub pins: u64,
}

/// What is to be evicted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CacheEvictionQuery {
    /// The digest of a plan: exactly that goes.
    pub plan: Option<String>,
    /// Bytes to free; where it is left out, what the limits demand.
    pub free: Option<u64>,
}

words! {
    /// Why an image goes.
    CacheEvictionReason {
        /// Nobody has pulled it for as long as images are kept.
        Expired = "expired",
        /// Room is needed, and it is worth least.
        Room = "room",
    }
}

words! {
    /// A limit that is reached.
    CacheEvictionTrigger {
        /// What is held comes near `mirror.max_size`.
        Size = "size",
        /// The disk has less free space than `mirror.min_free`, whoever has taken it.
        FreeSpace = "free-space",
    }
}

/// What would be evicted now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheEvictionPlan {
    /// The digest of all that goes: give it as `plan` to have exactly that go.
    #[schema(value_type = String)]
    pub plan: Digest,
    /// How many images go, and repositories with blobs of no image.
    pub count: u64,
    /// The bytes that all of it frees.
    pub frees: u64,
    /// The bytes that are held.
    pub held: u64,
    /// The bytes that have to be freed.
    pub wanted: u64,
    /// The limits that are reached.
    pub triggers: Vec<CacheEvictionTrigger>,
    /// So many images expire at once that they go only by the digest of a plan: the clock or the database may be wrong.
    pub doubtful: bool,
    /// What goes first; 1000 at most.
    pub images: Vec<CachePlannedImage>,
}

/// An image that would be evicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CachePlannedImage {
    /// Its repository.
    pub name: String,
    /// Its digest; `null` for blobs that belong to no image.
    #[schema(value_type = Option<String>, required = true)]
    pub digest: Option<Digest>,
    /// The bytes that it frees.
    pub frees: u64,
    /// When it was last pulled, or came, in seconds since 1970.
    pub last_used: u64,
    /// Why it goes.
    pub reason: CacheEvictionReason,
}

/// How evictions stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheEviction {
    /// How far the one is that is under way.
    #[schema(required = true)]
    pub running: Option<CacheEvictionProgress>,
    /// How the last one ended.
    #[schema(required = true)]
    pub last: Option<CacheEvictionReport>,
}

/// How far an eviction is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheEvictionProgress {
    /// Images that were planned.
    pub planned: u64,
    /// Images that were looked at.
    pub done: u64,
    /// Bytes freed so far.
    pub freed: u64,
    /// Bytes that are to be freed.
    pub wanted: u64,
    /// Seconds since it began.
    pub seconds: u64,
}

words! {
    /// How work ended.
    CacheWorkEnd {
        /// All of it is done.
        Done = "done",
        /// It was cancelled, or the server stopped.
        Cancelled = "cancelled",
        /// So much is damaged that the store itself may be.
        TooMuch = "too-much",
        /// Something failed; the rest is left for the next time.
        Failed = "failed",
    }
}

/// How an eviction ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheEvictionReport {
    /// How.
    pub end: CacheWorkEnd,
    /// What failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The limits that were reached.
    pub triggers: Vec<CacheEvictionTrigger>,
    /// Images that are gone.
    pub images: u64,
    /// Bytes that were freed.
    pub freed: u64,
    /// Images that were planned and stay, because something speaks for them now.
    pub spared: u64,
    /// Images that expired and go only by the digest of a plan.
    pub held_back: u64,
    /// Bytes that were free on the disk before; `null` for an object store.
    #[schema(required = true)]
    pub free_before: Option<u64>,
    /// Bytes that were free on the disk after it.
    #[schema(required = true)]
    pub free_after: Option<u64>,
}

/// What a larger disk would have saved in the last seven days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheSavings {
    /// The curve, in steps that double. Empty if nothing that was evicted was pulled again.
    pub steps: Vec<CacheSaving>,
}

/// What a disk would have saved that is larger by some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheSaving {
    /// By how many bytes it is larger.
    pub larger_by: u64,
    /// Images that it would have kept until they were pulled again.
    pub images: u64,
    /// Bytes that would not have been fetched again.
    pub bytes: u64,
}

/// How to scrub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CacheScrubQuery {
    /// Bytes a second; where it is left out, `mirror.scrub_rate`.
    pub rate: Option<u64>,
}

/// How scrubs stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheScrub {
    /// How far the one is that is under way.
    #[schema(required = true)]
    pub running: Option<CacheScrubProgress>,
    /// How the last one ended.
    #[schema(required = true)]
    pub last: Option<CacheScrubReport>,
}

/// How far a scrub is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheScrubProgress {
    /// Digests hashed.
    pub digests: u64,
    /// Bytes hashed.
    pub bytes: u64,
    /// Bytes that are held.
    pub of: u64,
    /// What was found so far.
    pub findings: u64,
    /// Seconds since it began.
    pub seconds: u64,
}

/// How a scrub ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheScrubReport {
    /// How.
    pub end: CacheWorkEnd,
    /// What failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Digests hashed.
    pub digests: u64,
    /// Bytes hashed.
    pub bytes: u64,
    /// How much was damaged or missing.
    pub found: u64,
    /// The first 1000 of it.
    pub findings: Vec<CacheScrubFinding>,
}

/// A digest whose bytes were damaged or missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheScrubFinding {
    /// The digest.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Its size, as it is recorded.
    pub size: u64,
    /// Whether there were bytes, which were set aside.
    pub was_damaged: bool,
    /// What became of it.
    pub outcome: CacheScrubOutcome,
    /// The images that need it.
    pub images: Vec<String>,
}

words! {
    /// What became of damaged or missing content.
    CacheScrubOutcome {
        /// It was fetched again.
        Restored = "restored",
        /// Its upstream does not have it any more.
        Lost = "lost",
        /// Its upstream did not give it now; it is fetched when somebody asks for it.
        Later = "later",
        /// It was pushed here, and has to be pushed again.
        PushAgain = "push-again",
    }
}
