//! Remembers, in SQLite or PostgreSQL, what we hold: which repository has which tags, manifests and blobs.
//!
//! - [`Catalog`]: open it at a [`Location`], then ask and tell; every change is one transaction
//! - `tags`, `manifests`, `blobs`: one kind of row each; `usage`, `images`: what is told to people; `removal`: taking
//!   images out; `sync`: what became of syncs
//! - `database`, `dialect`, `open`, `sql`: how both databases are spoken to with one text
//!
//! It holds no bytes: those are in the crate `blobs`, by digest. What is nowhere in the catalog may be deleted there.

#![forbid(unsafe_code)]

mod blobs;
mod database;
mod dialect;
mod error;
mod images;
mod key;
mod manifests;
mod open;
mod plan;
#[cfg(test)]
mod plans_by_index;
mod records;
mod removal;
mod sql;
mod sync;
mod tags;
mod usage;

pub use database::Catalog;
pub use error::{Error, FileProblem};
pub use key::{Origin, RepoKey};
pub use manifests::{LISTING_BYTES, NewManifest};
pub use open::Location;
pub use records::{
    ImageRow, Listing, ManifestRecord, Removed, RepositoryRow, Selection, TagList, TagRecord, Totals,
    Unlinked, Use,
};
pub use sync::{
    Cause, Copy, CopyCounts, CopyOutcome, CopyState, KEPT_RUNS, MAX_RUN_COPIES, RunCopy, RunEnd, RunId,
    RunIdError, RunOutcome, RunRecord, SourceTag,
};
