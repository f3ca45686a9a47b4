//! Rows of the image library's entries.

use std::time::SystemTime;

use entrepot_oci::{Digest, Platform};
use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// Whether the memory of a card can be split for an image, as far as its layers tell.
    SplitCheck "result of a split check" {
        /// Nobody has looked, or not all of it could be read.
        Unknown = "unknown",
        /// It has a glibc that is new enough.
        Fits = "ok",
        /// Its C library is musl, which the splitting library does not load into.
        Musl = "musl",
        /// It has no C library, so nothing can be loaded into its programs.
        Static = "static",
        /// Its glibc is older than the splitting library needs.
        OldGlibc = "old-glibc",
        /// Its C library fits, and no CUDA was found in it.
        NoCuda = "no-cuda",
    }
}

words! {
    /// The kind of card that an image is made for.
    Accelerator "kind of accelerator" {
        /// Nobody has looked.
        Unknown = "unknown",
        /// None was found.
        None = "none",
        /// NVIDIA's, by CUDA.
        Nvidia = "nvidia",
        /// Ascend's, by CANN.
        Ascend = "ascend",
        /// Of another vendor.
        Other = "other",
    }
}

words! {
    /// What became of the last look at an image.
    CheckStatus "result of a check" {
        /// Nobody has looked since the address was set.
        Unknown = "unknown",
        /// It is there.
        Found = "ok",
        /// Its registry has no such image.
        NotFound = "not-found",
        /// Its registry refuses us.
        Denied = "denied",
        /// Its registry limits our requests.
        RateLimited = "rate-limited",
        /// Its registry does not answer, or fails.
        Unreachable = "unreachable",
        /// Its registry is not one that the mirror fetches from.
        NotMirrored = "not-mirrored",
        /// What is there is no image that could be run.
        Invalid = "invalid",
    }
}

/// An image that may be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRecord {
    /// Its id.
    pub id: i64,
    /// What people say about it.
    pub fields: EntryFields,
    /// What the last check found.
    pub check: EntryCheck,
    /// What the address led to before, if that was something else.
    pub previous_digest: Option<Digest>,
    /// Who added it.
    pub created_by: String,
    /// Rises with every change by people.
    pub revision: i64,
    /// When it was added.
    pub created: SystemTime,
    /// When it was changed last.
    pub changed: SystemTime,
}

/// What people say about an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryFields {
    /// Its name.
    pub name: String,
    /// The image, as it was typed, without a password.
    pub address: String,
    /// The registry; empty for images that were pushed here.
    pub host: String,
    /// The repository there.
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest.
    pub digest: Option<String>,
    /// The stored credential that came with the address.
    pub credential: Option<String>,
    /// What it is.
    pub description: String,
    /// Where it comes from.
    pub source: String,
    /// A remark.
    pub remark: String,
    /// Whether it is offered.
    pub is_on_shelf: bool,
    /// Whether the memory of cards may be split for it.
    pub memory_split: bool,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryCheck {
    /// What became of it.
    pub status: CheckStatus,
    /// Why not, in the registry's words.
    pub error: Option<String>,
    /// When it was.
    pub checked: Option<SystemTime>,
    /// What the address led to, when it last led anywhere.
    pub digest: Option<Digest>,
    /// What it is there for.
    pub platforms: Vec<EntryPlatform>,
    /// The compressed length of the largest of them, in bytes.
    pub compressed_size: Option<u64>,
    /// When it was built, as it says.
    pub built: Option<SystemTime>,
    /// What its registry says is left of our pulls.
    pub quota: Option<PullQuota>,
    /// Whether the memory of cards can be split for it.
    pub split: SplitCheck,
    /// The kind of card that it is made for.
    pub accelerator: Accelerator,
    /// What was seen in its layers.
    pub contents: Option<ImageContents>,
}

/// An image for one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPlatform {
    /// The platform.
    pub platform: Platform,
    /// Its manifest.
    pub digest: Digest,
    /// The length of its layers and its configuration, compressed, in bytes; `None` if nobody asked for it.
    pub size: Option<u64>,
}

/// What is left of the pulls that a registry allows us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullQuota {
    /// The pulls in a window.
    pub limit: u64,
    /// Those that remain.
    pub remaining: u64,
    /// The length of the window in seconds, if the registry says it.
    pub window: Option<u64>,
}

/// What was seen in the layers of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageContents {
    /// Its C library.
    pub libc: Option<Libc>,
    /// The version of that, as far as file names tell.
    pub libc_version: Option<String>,
    /// The version of CUDA that it brings.
    pub cuda: Option<String>,
    /// Whether it has an SSH server, in whose sessions the environment is lost.
    pub sshd: bool,
    /// Whether all of its layers were read to their end.
    pub complete: bool,
}

/// A C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Libc {
    /// GNU's.
    Glibc,
    /// musl.
    Musl,
}

/// Which entries are looked for. What is `None` does not matter. Texts are looked for anywhere, in any case.
#[derive(Clone, Debug, Default)]
pub struct EntryFilter {
    /// In the name or the address.
    pub search: Option<String>,
    /// In the name.
    pub name: Option<String>,
    /// In the address.
    pub address: Option<String>,
    /// In the source.
    pub source: Option<String>,
    /// Whether they are offered.
    pub is_on_shelf: Option<bool>,
    /// Whether the memory of cards may be split for them.
    pub memory_split: Option<bool>,
    /// What became of their last check.
    pub status: Option<CheckStatus>,
    /// The kind of card that they are made for.
    pub accelerator: Option<Accelerator>,
    /// Added at this time or later.
    pub created_from: Option<SystemTime>,
    /// Added at this time or earlier.
    pub created_to: Option<SystemTime>,
}

/// The order of entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntryOrder {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
    /// By name.
    Name,
    /// By name, backwards.
    NameBack,
}

/// Where a listing goes on: behind this entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryCursor {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// An entry to be stored.
#[derive(Clone, Debug)]
pub struct EntrySave {
    /// The entry that is replaced, as it was seen; `None` adds one.
    pub of: Option<EntryRecord>,
    /// What people say about it.
    pub fields: EntryFields,
}

/// An instance that uses an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryUse {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub owner: String,
}

/// What became of the removal of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryRemoval {
    /// These are gone. Those that were not there are not named.
    Removed(Vec<EntryRecord>),
    /// None is gone: one was changed since it was seen.
    Stale,
    /// None is gone: instances use this one; some of them are named.
    InUse {
        /// The entry.
        entry: i64,
        /// Its instances.
        by: Vec<EntryUse>,
    },
}

impl EntryCheck {
    /// What is known of an image that nobody has looked at.
    pub const NONE: Self = Self {
        status: CheckStatus::Unknown,
        error: None,
        checked: None,
        digest: None,
        platforms: Vec::new(),
        compressed_size: None,
        built: None,
        quota: None,
        split: SplitCheck::Unknown,
        accelerator: Accelerator::Unknown,
        contents: None,
    };
}
