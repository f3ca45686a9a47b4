//! The ends of a copy: where images are read from and written to.
//!
//! - [`Source`] and [`Sink`]: one of the kinds of place there are; the engine knows no others
//! - `registry`: repositories, asked patiently; `layout`, `archive`, `tarball`: files
//! - what is read is not proven here: whoever passes it on checks the digest

mod archive;
mod error;
mod file;
mod index;
mod layout;
mod registry;
mod sink;
mod source;
pub(crate) mod tar;
mod tarball;

pub(crate) use archive::Archive;
pub(crate) use error::EndError;
pub(crate) use file::Pieces;
pub(crate) use index::Index;
pub(crate) use layout::{Layout, LayoutWriter};
pub(crate) use registry::{At, Station, backoff};
pub(crate) use sink::{Kept, Sink};
pub(crate) use source::{Fetched, Source};
pub(crate) use tarball::Tarball;
