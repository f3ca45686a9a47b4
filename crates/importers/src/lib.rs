//! Reads the files of other synchronizing tools and makes rules of them.
//!
//! - [`import`] recognizes a file by its content: `image-sync.json`, a list of images such as DaoCloud's `mirror.txt`,
//!   regsync, `skopeo sync --src yaml`, image-syncer
//! - a module for each of them makes `draft`s; together they are an [`Imported`]
//! - `yaml` writes the rules as a file of ours, with a comment for everything that could not be carried over
//!
//! Nothing is dropped silently: what has no counterpart is noted at its rule or at the top of the file. Accounts are
//! never carried over. Pure: no file is opened here, and no registry is asked.

#![forbid(unsafe_code)]

mod draft;
mod image_sync;
mod image_syncer;
mod import;
mod imported;
mod list;
mod regsync;
mod semver_range;
mod skopeo;
#[cfg(test)]
mod tests;
mod yaml;

pub use import::{ImportError, Input, import};
pub use imported::{Imported, Kind};
pub use list::format_list;
