//! The results of the verbs of [`crate::Mirror`], as plain values.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use entrepot_blobs::Mapping;
use entrepot_oci::{Descriptor, Digest, MediaType, Tag};
use futures_util::stream::BoxStream;
use tokio::sync::OwnedSemaphorePermit;

/// A manifest, with exactly the bytes it was pulled or pushed as.
#[derive(Debug)]
pub struct HeldManifest {
    /// The manifest's digest.
    pub digest: Digest,
    /// The `Content-Type` to send.
    pub media_type: MediaType,
    /// The document, unchanged.
    pub bytes: Bytes,
}

/// The answer to a `GET` of a manifest.
#[derive(Clone, Debug)]
pub struct ServedManifest {
    /// The manifest.
    pub manifest: Arc<HeldManifest>,
    /// The upstream did not answer in time, so this is its last known answer.
    pub stale: bool,
}

/// The answer to a `HEAD` of a manifest.
#[derive(Clone, Debug)]
pub struct ManifestHead {
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest's media type.
    pub media_type: MediaType,
    /// Its size in bytes; `None` if the upstream does not say.
    pub size: Option<u64>,
    /// The upstream did not answer in time, so this is its last known answer.
    pub stale: bool,
}

/// The answer to a `HEAD` of a blob.
#[derive(Clone, Copy, Debug)]
pub struct BlobHead {
    /// Its size in bytes; `None` if the upstream does not say.
    pub size: Option<u64>,
}

/// The bytes of a blob, or of a range of it.
pub enum Opened {
    /// All of it, in memory.
    Bytes(Bytes),
    /// A range of an immutable file, which `sendfile` can send.
    Mapped(Mapping, Range<u64>),
    /// Bytes as they arrive.
    Stream(BlobStream),
    /// The address of an object store to send the client to.
    Redirect(String),
}

/// Bytes as they arrive. After an error the response must end short of its length.
pub struct BlobStream {
    /// The file that the frames are slices of; `None` if they are not slices of one.
    pub mapping: Option<Mapping>,
    /// The bytes.
    pub frames: BoxStream<'static, Result<Bytes, Cut>>,
}

/// The bytes ended early: the upstream failed for good, or the content does not have the digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content broke off")]
pub struct Cut;

/// A page of tags.
#[derive(Clone, Debug)]
pub struct TagPage {
    /// In the registry's order.
    pub tags: Vec<Tag>,
    /// More tags follow the last one listed.
    pub more: bool,
    /// The upstream did not answer, so these are only the tags that were pulled here.
    pub stale: bool,
}

/// The manifests that refer to a subject.
#[derive(Debug)]
pub struct ReferrerList {
    /// One descriptor for each.
    pub descriptors: Arc<[Descriptor]>,
    /// The upstream did not answer, so these are only those known here.
    pub stale: bool,
    /// Held while a list that was made for this request is in memory: it bounds how many there are.
    pub(crate) _permit: Option<OwnedSemaphorePermit>,
}

/// The name of an upload session.
pub type UploadId = uuid::Uuid;

/// Who begins or continues an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploader {
    /// Somebody without an account. Whoever knows the address of what they begin may continue it.
    Anybody,
    /// The account with this key. What it begins is its own.
    Account(i64),
}

/// The outcome of a request to mount a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounted {
    /// The repository has it now: answer `201`.
    Yes,
    /// The repository does not have it: answer `202` with this upload session.
    No(UploadId),
}

/// A manifest that was pushed and is durable.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// The manifest's digest.
    pub digest: Digest,
    /// The subject it refers to, for `OCI-Subject`.
    pub subject: Option<Digest>,
    /// The tags that were set, for `OCI-Tag`.
    pub tags: Vec<Tag>,
}
