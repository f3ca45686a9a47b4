//! What the verbs of [`crate::Mirror`] give back.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use entrepot_blobs::Held;
use entrepot_oci::{Descriptor, Digest, MediaType, Tag};
use futures_util::stream::BoxStream;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    Mapping,
    fill::{Content, Fill},
    passthrough::PassThrough,
};

/// A manifest that is held, with the exact bytes it came as.
#[derive(Debug)]
pub struct HeldManifest {
    /// Its digest.
    pub digest: Digest,
    /// What to send as `Content-Type`.
    pub media_type: MediaType,
    /// The bytes.
    pub bytes: Bytes,
}

/// The answer to a `GET` of a manifest.
#[derive(Clone, Debug)]
pub struct ServedManifest {
    /// The manifest.
    pub manifest: Arc<HeldManifest>,
    /// The upstream could not be asked in time, so this is what it said last.
    pub stale: bool,
}

/// The answer to a `HEAD` of a manifest.
#[derive(Clone, Debug)]
pub struct ManifestHead {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// Its size in bytes; an upstream may keep it to itself.
    pub size: Option<u64>,
    /// The upstream could not be asked in time, so this is what it said last.
    pub stale: bool,
}

/// The answer to a `HEAD` of a blob.
#[derive(Clone, Copy, Debug)]
pub struct BlobHead {
    /// Its size in bytes; an upstream may keep it to itself.
    pub size: Option<u64>,
}

/// The answer to a `GET` of a blob: there, or on its way. [`ServedBlob::open`] starts the bytes.
pub struct ServedBlob {
    /// Its size in bytes. `None` only where an upstream does not say and the disk is full.
    pub size: Option<u64>,
    pub(crate) source: Source,
}

pub(crate) enum Source {
    Held(Held),
    Filling(Arc<Fill>, Content),
    Passing(Box<PassThrough>),
}

/// Whether the bytes of a blob are held already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temperature {
    /// They are: no registry is asked for any of them.
    Hot,
    /// They come from a registry while they are read, for this reader or for others at the same time.
    Cold,
}

impl ServedBlob {
    /// Whether its bytes are held already.
    pub fn temperature(&self) -> Temperature {
        match self.source {
            Source::Held(_) => Temperature::Hot,
            Source::Filling(..) | Source::Passing(_) => Temperature::Cold,
        }
    }
}

/// The bytes of a blob, or of a range of it.
pub enum Opened {
    /// All in memory.
    Bytes(Bytes),
    /// Part of an immutable file, which the kernel can send by itself.
    Mapped(Mapping, Range<u64>),
    /// Bytes as they come.
    Stream(BlobStream),
    /// To be fetched by the client itself.
    Redirect(String),
}

/// Bytes as they come. An error ends the response short of its length.
pub struct BlobStream {
    /// The file that the frames are slices of, where they are.
    pub mapping: Option<Mapping>,
    /// The bytes.
    pub frames: BoxStream<'static, Result<Bytes, Cut>>,
}

/// The bytes ended early: the upstream broke off for good, or what it sent did not have the digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content broke off")]
pub struct Cut;

/// A page of tags.
#[derive(Clone, Debug)]
pub struct TagPage {
    /// In the registry's order.
    pub tags: Vec<Tag>,
    /// Whether more follow.
    pub more: bool,
    /// The upstream could not be asked, so these are the tags that were pulled here.
    pub stale: bool,
}

/// What refers to a manifest.
#[derive(Debug)]
pub struct ReferrerList {
    /// One descriptor per referrer.
    pub descriptors: Arc<[Descriptor]>,
    /// The upstream could not be asked, so these are the ones known here.
    pub stale: bool,
    /// Where the list was made for this request, the next one is made when it is gone.
    pub(crate) _turn: Option<OwnedSemaphorePermit>,
}

/// The name of an upload session.
pub type UploadId = uuid::Uuid;

/// What became of a request to mount a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounted {
    /// It is in the repository now.
    Yes,
    /// It is not; push it by this session.
    No(UploadId),
}

/// What became of a pushed manifest.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// Its digest.
    pub digest: Digest,
    /// The subject it refers to, for `OCI-Subject`.
    pub subject: Option<Digest>,
    /// The tags that were set, for `OCI-Tag`.
    pub tags: Vec<Tag>,
}
