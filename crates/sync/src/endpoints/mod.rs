//! The endpoints of a copy: the places that images are read from and written to.
//!
//! - [`ImageSource`] and [`Sink`] cover every kind of place; the engine uses only these
//! - `connection` talks to registries, with retries and limits; `layout`, `archive` and `tarball` work on files,
//!   `archive_file` on one that may be compressed
//! - digests are not verified here, but by the code that passes the bytes on

mod archive;
mod archive_file;
mod connection;
mod document;
mod error;
mod extent;
mod file;
mod index;
mod layout;
mod sink;
mod source;
pub(crate) mod tar;
mod tarball;

pub(crate) use archive::Archive;
pub(crate) use archive_file::ArchiveFile;
pub(crate) use connection::{RegistryConn, RepositoryRef, backoff};
pub(crate) use error::EndpointError;
pub(crate) use extent::Extent;
pub(crate) use file::Pieces;
pub(crate) use index::Index;
pub(crate) use layout::{Layout, LayoutWriter};
pub(crate) use sink::{AcceptedManifest, Sink};
pub(crate) use source::{ImageSource, SourceManifest};
pub(crate) use tarball::Tarball;
