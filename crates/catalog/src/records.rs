//! What the catalog tells, row by row.
//!
//! Sizes are bytes, times are those given by the caller, kept to the millisecond.

use std::time::SystemTime;

use entrepot_oci::{Digest, MediaType, Tag};

use crate::key::RepoKey;

/// Where a tag points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRecord {
    /// The manifest it names.
    pub digest: Digest,
    /// When the upstream was last seen to agree.
    pub checked: SystemTime,
    /// When it last came to point at another manifest.
    pub updated: SystemTime,
}

/// A manifest or blob, and what leads to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// Its digest.
    pub digest: Digest,
    /// The tags that lead to it, and those that once did.
    pub tags: Vec<Tag>,
    /// The manifests that name it.
    pub parents: Vec<Digest>,
}

/// Whether a repository of an upstream is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisibilityRecord {
    /// It gives the repository to everybody.
    pub is_public: bool,
    /// When it last said so.
    pub checked: SystemTime,
}

/// One page of tags, in bytewise order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagList {
    /// The tags.
    pub tags: Vec<Tag>,
    /// Whether more follow. Never set on an empty page, which has no last entry to go on from.
    pub more: bool,
}

/// One page of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// The rows, in the order the listing is paged by.
    pub rows: Vec<T>,
    /// Whether more follow. Never set on an empty page, which has no last entry to go on from.
    pub more: bool,
}

/// A manifest that a repository has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRecord {
    /// Its digest.
    pub digest: Digest,
    /// Its media type, to be sent as `Content-Type`.
    pub media_type: MediaType,
    /// Its length.
    pub size: u64,
}

/// The outcome of unlinking a blob from a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnlinkOutcome {
    /// The repository does not have it: answer that it is unknown.
    NotThere,
    /// It is gone here, but another repository has it, or it is a manifest somewhere: keep the bytes.
    StillHeld,
    /// Nobody has it any more: delete the bytes.
    Last,
}

/// Pulls to be added to a manifest's count. Ignored if the manifest is not held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The repository it was pulled from.
    pub key: RepoKey,
    /// The manifest.
    pub digest: Digest,
    /// How many pulls.
    pub pulls: u64,
    /// How many of them count for what the image is worth: somebody who pulls it again and again makes it no dearer.
    pub counted: u64,
    /// When the last of them was.
    pub last: SystemTime,
}

/// One repository in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRow {
    /// Which one.
    pub key: RepoKey,
    /// How many tags it has.
    pub tags: u64,
    /// How many manifests, tagged or not.
    pub manifests: u64,
    /// How many blobs are linked.
    pub blobs: u64,
    /// The length of its manifests and blobs, each digest once. Other repositories may share them.
    pub bytes: u64,
    /// How often its manifests were pulled.
    pub pulls: u64,
    /// When one of them was last pulled.
    pub last_used: Option<SystemTime>,
}

/// One image in a listing: a manifest that has a tag or that no other manifest of its repository lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRow {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// Its tags, in bytewise order.
    pub tags: Vec<Tag>,
    /// The length of what is held of it: itself, the manifests under it and their blobs, each digest once.
    pub size_held: u64,
    /// How often it was pulled.
    pub pulls: u64,
    /// When it was last pulled.
    pub last_used: Option<SystemTime>,
    /// When it came.
    pub created: SystemTime,
}

/// All that we hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Repositories of which anything is held.
    pub repositories: u64,
    /// Tags.
    pub tags: u64,
    /// Manifests, each digest once.
    pub manifests: u64,
    /// Blobs, each digest once.
    pub blobs: u64,
    /// The length of all of them, each digest once.
    pub bytes: u64,
}

/// What to remove from a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of it.
    Repository,
    /// A tag, and what only it leads to.
    Tag(Tag),
    /// A manifest with all its tags, whatever leads to it, and what only it leads to.
    Digest(Digest),
}

/// What was removed. All zero if there was nothing to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemovedContent {
    /// Tags removed.
    pub tags: u64,
    /// Manifests removed.
    pub manifests: u64,
    /// Blobs that the repository no longer has.
    pub unlinked: u64,
    /// Digests that nobody has any more, with their sizes: delete their bytes.
    pub orphans: Vec<(Digest, u64)>,
}
