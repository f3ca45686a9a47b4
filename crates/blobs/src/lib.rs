//! Stores verified bytes by digest, on disk or in S3.
//!
//! - stored blobs: [`Blobs`] returns [`HeldBlob`] bytes; `disk` and `s3` are the backends, `cache` avoids them
//! - incoming blobs: [`Staged`] files, always on the local disk, become blobs in [`Blobs::commit`]
//! - [`Mapping`] contains the only unsafe code: a memory-mapped file, to send bytes without copies
//!
//! One process at a time owns the directory; the caller must ensure that.

#![deny(unsafe_code)]

mod blobs;
mod cache;
mod connections;
mod disk;
mod error;
mod files;
mod held;
mod listing;
mod mapping;
mod multipart;
mod object;
mod pace;
mod reserve;
mod s3;
mod settings;
mod shared_requests;
mod stage_id;
mod staged;
mod staging;
mod upload_notes;
mod verify;

pub use blobs::Blobs;
pub use error::Error;
pub use held::{HeldBlob, MEMORY_BYTES, RehashOutcome, StoreOutcome};
pub use listing::{BlobPage, StoredBlob};
pub use mapping::Mapping;
pub use object::ObjectBlob;
pub use pace::Pace;
pub use reserve::RESERVE;
pub use settings::S3Settings;
pub use stage_id::StageId;
pub use staged::Staged;
