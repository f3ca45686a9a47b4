//! What the mirror holds, and what a removal took away.

use entrepot_oci::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::words::words;

/// Everything that is held, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheTotals {
    /// Repositories of which anything is held.
    pub repositories: u64,
    /// Tags in them.
    pub tags: u64,
    /// Manifests in them.
    pub manifests: u64,
    /// Distinct blobs other than manifests.
    pub blobs: u64,
    /// Bytes of all distinct content.
    pub bytes: u64,
}

/// A page of repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheRepositoryList {
    /// The repositories, in order of their names.
    pub repositories: Vec<CacheRepository>,
    /// Whether more follow: ask again with `last` as the name of the last one.
    pub more: bool,
}

/// A repository of which something is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheRepository {
    /// Its name as people write it: `docker.io/library/nginx`, or `local/app`.
    pub name: String,
    /// Tags held.
    pub tags: u64,
    /// Manifests held.
    pub manifests: u64,
    /// Blobs held.
    pub blobs: u64,
    /// Bytes held.
    pub bytes: u64,
    /// How often its manifests were pulled.
    pub pulls: u64,
    /// When it was last pulled, in seconds since 1970.
    #[schema(required = true)]
    pub last_pulled: Option<u64>,
}

/// A page of images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheImageList {
    /// The images, in order of their digests.
    pub images: Vec<CacheImage>,
    /// Whether more follow: ask again with `last` as the digest of the last one.
    pub more: bool,
}

/// An image that is held: a manifest that is not part of another one's index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheImage {
    /// Its digest.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// The tags that point at it.
    pub tags: Vec<String>,
    /// Bytes held of it.
    pub bytes: u64,
    /// How often it was pulled.
    pub pulls: u64,
    /// When it was last pulled, in seconds since 1970.
    #[schema(required = true)]
    pub last_pulled: Option<u64>,
    /// When it was first held, in seconds since 1970.
    #[schema(required = true)]
    pub since: Option<u64>,
}

/// What a removal took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheRemoval {
    /// Manifests that the repository no longer holds.
    pub manifests: u64,
    /// Blobs that the repository no longer holds.
    pub blobs: u64,
    /// Bytes that were freed: content that no other repository holds.
    pub freed: u64,
}

/// The comparison of stored bytes with records, for a part of all digests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheVerification {
    /// Digests that are recorded.
    pub records: u64,
    /// Digests whose bytes are stored.
    pub stored: u64,
    /// Where they disagree.
    pub findings: Vec<CacheFinding>,
    /// The last digest of this part: ask again with `last` as this. Left out where no other part follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub last: Option<Digest>,
}

/// A digest whose bytes and records disagree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CacheFinding {
    /// The digest.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Bytes it has, by its record or as stored.
    pub size: u64,
    /// What is wrong.
    pub fault: CacheFault,
    /// The repositories that record it.
    pub repositories: Vec<String>,
    /// Whether it has been repaired.
    pub repaired: bool,
}

words! {
    /// The way in which bytes and records of a digest disagree.
    CacheFault {
        /// It is recorded, and its bytes are gone.
        MissingBytes = "missing-bytes",
        /// Its bytes are stored, and nothing records them.
        MissingRecord = "missing-record",
    }
}
