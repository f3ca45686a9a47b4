//! Keeps verified bytes by digest, on disk or S3.
//!
//! - held for good: [`Blobs`] answers with [`Held`] bytes; `disk` and `s3` are where they lie, `cache` saves the trip
//! - on the way in: [`Staged`] files, always on the local disk, become blobs by [`Blobs::commit`]
//! - [`Mapping`] is the one place with unsafe code: a file as memory, so that it can leave without copies
//!
//! One process at a time owns the directory; whoever opens it has made sure of that.

#![deny(unsafe_code)]

mod blobs;
mod cache;
mod disk;
mod error;
mod files;
mod held;
mod mapping;
mod multipart;
mod object;
mod s3;
mod settings;
mod stage_id;
mod staged;
mod staging;
mod verify;

pub use blobs::Blobs;
pub use error::Error;
pub use held::{Held, MEMORY_BYTES, Stored};
pub use mapping::Mapping;
pub use object::ObjectBlob;
pub use settings::S3Settings;
pub use stage_id::StageId;
pub use staged::Staged;
