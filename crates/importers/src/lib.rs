//! Reads the files of other synchronizing tools and makes rules of them.
//!
//! - [`import`] recognizes a file by its content: `image-sync.json`, a list of repositories or images such as DaoCloud's
//!   `mirror.txt` and docker_image_pusher's `images.txt`, regsync, `skopeo sync --src yaml`, image-syncer
//! - `value` reads YAML and JSON with scalars as written; `template` and `ranges` translate what others write
//! - a module for each of them makes `draft`s; together they are an [`Imported`]
//! - `yaml` writes the rules as a file of ours, with a comment for everything that could not be carried over
//!
//! Nothing is dropped silently: what has no counterpart is noted at its rule or at the top of the file. Accounts are
//! never carried over. Pure: no file is opened here, and no registry is asked.

#![forbid(unsafe_code)]

mod draft;
mod image_sync;
mod image_syncer;
mod images;
mod import;
mod imported;
mod list;
mod ranges;
mod regsync;
mod skopeo;
mod template;
#[cfg(test)]
mod tests;
mod value;
mod yaml;

pub use import::{ImportError, Input, import};
pub use imported::{FileKind, Imported};
pub use list::{ListEntry, format_list, list_entries, list_lines};
