//! A blob that was found, and how its bytes reach the client: from the store, from a download under way, or passed through.

use std::{ops::Range, sync::Arc};

use entrepot_blobs::{Held, ObjectBlob};
use futures_util::StreamExt;

use crate::{
    error::Error,
    fill::state::{Content, Fill},
    passthrough::PassThrough,
    served::{BlobStream, Cut, Opened},
    store::blobs_failed,
};

/// The answer to a `GET` of a blob: held, or being downloaded. [`ServedBlob::open`] starts the bytes.
pub struct ServedBlob {
    /// Its size in bytes. `None` only if the upstream does not say and the blob is passed through.
    pub size: Option<u64>,
    source: Source,
}

enum Source {
    Held(Held),
    Filling(Arc<Fill>, Content),
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
            Source::Held(_) => Temperature::Hot,
            Source::Filling(..) | Source::Passing(_) => Temperature::Cold,
        }
    }

    /// A blob of the store.
    pub(crate) fn held(held: Held) -> Self {
        Self { size: Some(held.size()), source: Source::Held(held) }
    }

    /// A blob that is being downloaded.
    pub(crate) fn filling(fill: Arc<Fill>, content: Content) -> Self {
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
            Source::Held(held) => open_held(held, range).await,
            Source::Filling(fill, content) => {
                Ok(Opened::Stream(fill.read(&content, range.unwrap_or(0..content.size))))
            }
            Source::Passing(pass) => pass.open(range, self.size).await,
        }
    }
}

async fn open_held(held: Held, range: Option<Range<u64>>) -> Result<Opened, Error> {
    let range = range.unwrap_or(0..held.size());
    match held {
        // No longer than a `Bytes` in memory is.
        Held::Memory(bytes) => Ok(Opened::Bytes(bytes.slice(range.start as usize..range.end as usize))),
        Held::Mapped(mapping) => Ok(Opened::Mapped(mapping, range)),
        Held::Object(object) => open_object(&object, range).await,
    }
}

async fn open_object(object: &ObjectBlob, range: Range<u64>) -> Result<Opened, Error> {
    if let Some(link) = object.link().await.map_err(blobs_failed)? {
        return Ok(Opened::Redirect(link.into()));
    }
    let frames = object.stream(range).map(|bytes| {
        bytes.map_err(|error| {
            tracing::warn!(%error, "a stored blob broke off");
            Cut
        })
    });
    Ok(Opened::Stream(BlobStream { mapping: None, frames: frames.boxed() }))
}
