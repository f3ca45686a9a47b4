//! What the catalog tells about images that may go, and that went.

use std::time::SystemTime;

use entrepot_eviction::Heat;
use entrepot_oci::{Digest, Tag};

use crate::key::RepoKey;

/// A repository, by its place in the order in which all of them are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRepository {
    /// Its place: give it to find those that follow.
    pub id: i64,
    /// Which one.
    pub key: RepoKey,
}

/// Something that a repository holds or that is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositoryContent {
    /// A manifest.
    Manifest(ManifestContent),
    /// A manifest names a blob, held or not.
    NamesBlob {
        /// The manifest.
        parent: Digest,
        /// The blob.
        child: Digest,
    },
    /// A manifest lists a manifest, held or not.
    Lists {
        /// The index.
        parent: Digest,
        /// What it lists.
        child: Digest,
    },
    /// A tag points at the manifest.
    Tagged(Digest),
    /// A blob.
    Blob {
        /// Its digest.
        digest: Digest,
        /// Its length.
        size: u64,
        /// When it came.
        created: SystemTime,
    },
    /// A pin is on the digest.
    Pinned(Digest),
}

/// A manifest that a repository holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManifestContent {
    /// Its digest.
    pub digest: Digest,
    /// Its length.
    pub size: u64,
    /// The manifest that it is about.
    pub subject: Option<Digest>,
    /// When it came.
    pub created: SystemTime,
    /// When it was last pulled.
    pub last_used: Option<SystemTime>,
    /// How much it is wanted.
    pub heat: Heat,
}

/// The outcome of evicting an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetireOutcome {
    /// It is gone: forget it and delete the bytes of what nobody has any more.
    Gone(RetiredContent),
    /// It stays.
    Spared(SpareReason),
}

/// Why an image stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpareReason {
    /// It is not there any more, or was never an upstream's.
    NotThere,
    /// An index lists it, or it is about a manifest that is held.
    Needed,
    /// A pin is on it, or on something that would go with it.
    Pinned,
    /// It came or was pulled since it was chosen.
    Used,
}

/// What an eviction took away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetiredContent {
    /// The manifests that the repository no longer has.
    pub manifests: Vec<Digest>,
    /// The blobs that it no longer has.
    pub blobs: Vec<Digest>,
    /// The tags that pointed at the image.
    pub tags: Vec<Tag>,
    /// Digests that nobody has any more, with their sizes: delete their bytes.
    pub orphans: Vec<(Digest, u64)>,
}

/// Evicted images that were pulled again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReturnedImages {
    /// How many.
    pub images: u64,
    /// What their evictions had freed, in bytes.
    pub bytes: u64,
}

/// An evicted image that was pulled again, and what would have kept it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnedImage {
    /// What its eviction had freed, in bytes.
    pub bytes: u64,
    /// By how many bytes the disk would have had to be larger.
    pub larger_by: u64,
}
