//! A blob that was found, and how its bytes reach the client: from the store, from a download under way, or passed through.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use entrepot_blobs::Mapping;

use crate::{
    error::Error,
    fill::state::{Fill, FillContent},
    passthrough::PassThrough,
    served::Opened,
    stored_object::StoredObject,
};

/// The answer to a `GET` of a blob: held, or being downloaded. [`ServedBlob::open`] starts the bytes; a clone can be opened
/// once more, at another range.
#[derive(Clone)]
pub struct ServedBlob {
    /// Its size in bytes. `None` only if the upstream does not say and the blob is passed through.
    pub size: Option<u64>,
    source: Source,
}

#[derive(Clone)]
enum Source {
    Memory(Bytes),
    Mapped(Mapping),
    Object(Box<StoredObject>),
    Filling(Arc<Fill>, FillContent),
    Passing(Box<PassThrough>),
}

/// Whether the bytes of a blob are held already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temperature {
    /// Held: no registry is asked for any of them.
    Hot,
    /// They come from a registry while they are read, for this reader or for others at the same time.
    Cold,
}

impl ServedBlob {
    /// Whether its bytes are held already.
    pub fn temperature(&self) -> Temperature {
        match self.source {
            Source::Memory(_) | Source::Mapped(_) | Source::Object(_) => Temperature::Hot,
            Source::Filling(..) | Source::Passing(_) => Temperature::Cold,
        }
    }

    /// True if an upstream is asked anew each time it is opened, because it is not kept.
    pub fn is_passed_through(&self) -> bool {
        matches!(self.source, Source::Passing(_))
    }

    /// The same blob, whose bytes go through here: its client is not sent to an object store.
    #[must_use]
    pub fn through_here(self) -> Self {
        let source = match self.source {
            Source::Object(object) => Source::Object(Box::new(object.through_here())),
            other => other,
        };
        Self { source, ..self }
    }

    /// An object, which may turn out to be gone.
    pub(crate) fn object(object: StoredObject) -> Self {
        Self { size: Some(object.size()), source: Source::Object(Box::new(object)) }
    }

    /// True if it is an object, to whose store a client may be sent.
    pub fn is_object(&self) -> bool {
        matches!(self.source, Source::Object(_))
    }

    /// A blob in memory.
    pub(crate) fn memory(bytes: Bytes) -> Self {
        Self { size: Some(bytes.len() as u64), source: Source::Memory(bytes) }
    }

    /// A blob on disk.
    pub(crate) fn mapped(mapping: Mapping) -> Self {
        Self { size: Some(mapping.len()), source: Source::Mapped(mapping) }
    }

    /// A blob that is being downloaded.
    pub(crate) fn filling(fill: Arc<Fill>, content: FillContent) -> Self {
        Self { size: Some(content.size), source: Source::Filling(fill, content) }
    }

    /// A blob that is not kept; `size` as far as the upstream says.
    pub(crate) fn passing(pass: PassThrough, size: Option<u64>) -> Self {
        Self { size, source: Source::Passing(Box::new(pass)) }
    }

    /// Starts the bytes of `range`, or of the whole blob. The range must lie within [`ServedBlob::size`].
    ///
    /// # Errors
    /// The store or the upstream fails although it had the blob before.
    pub async fn open(self, range: Option<Range<u64>>) -> Result<Opened, Error> {
        match self.source {
            Source::Memory(bytes) => Ok(Opened::Bytes(match range {
                // No longer than a `Bytes` in memory is.
                Some(range) => bytes.slice(range.start as usize..range.end as usize),
                None => bytes,
            })),
            Source::Mapped(mapping) => {
                let range = range.unwrap_or(0..mapping.len());
                Ok(Opened::Mapped(mapping, range))
            }
            // Boxed: see `Blobs::get`.
            Source::Object(object) => Box::pin(object.open(range)).await,
            Source::Filling(fill, content) => {
                Ok(Opened::Stream(fill.read(&content, range.unwrap_or(0..content.size))))
            }
            Source::Passing(pass) => Box::pin(pass.open(range, self.size)).await,
        }
    }
}
