//! Results of the blob store.

use bytes::Bytes;

use crate::{mapping::Mapping, object::ObjectBlob};

/// Blobs of at most this size in bytes are served from memory.
pub const MEMORY_BYTES: u64 = 64 << 10;

/// A stored blob, in the form that is cheapest to send. Cheap to clone.
#[derive(Clone, Debug)]
pub enum HeldBlob {
    /// A small blob (up to [`MEMORY_BYTES`]), verified when it was loaded: send these bytes.
    Memory(Bytes),
    /// A file: send slices of the mapping, or the file itself.
    Mapped(Mapping),
    /// An object: redirect the client to its link, or stream it.
    Object(ObjectBlob),
}

impl HeldBlob {
    /// Size of the blob in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Mapped(mapping) => mapping.len(),
            Self::Object(object) => object.size(),
        }
    }
}

/// The outcome of storing a blob; either way it is durable now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// It was not there before.
    New,
    /// A blob of the same size was; the new bytes are dropped.
    AlreadyHeld,
}

/// The outcome of hashing a stored blob again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RehashOutcome {
    /// It is what its digest says.
    Fine,
    /// It is something else, or cannot be read: set it aside with [`Blobs::quarantine`](crate::Blobs::quarantine).
    Damaged,
    /// It is not stored.
    Absent,
}
