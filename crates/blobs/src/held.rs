//! What the store answers with.

use bytes::Bytes;

use crate::{mapping::Mapping, object::ObjectBlob};

/// Blobs of at most this many bytes are answered from memory.
pub const MEMORY_BYTES: u64 = 64 << 10;

/// A blob that is held, in the form in which it leaves with the least work. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Held {
    /// A small one ([`MEMORY_BYTES`]), verified when it was loaded: send these bytes.
    Memory(Bytes),
    /// A file: send slices of the mapping, or the file itself.
    Mapped(Mapping),
    /// An object: send the client to its link, or stream it.
    Object(ObjectBlob),
}

impl Held {
    /// How many bytes the blob has.
    pub fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Mapped(mapping) => mapping.len(),
            Self::Object(object) => object.size(),
        }
    }
}

/// What keeping a blob came to; either way it is durable now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It was not there before.
    New,
    /// One of the same size was; what was offered is dropped.
    AlreadyHeld,
}
