//! Files that a command reads and writes where other people may have put things before.
//!
//! - [`open`]: a file that the user named; [`Directory`]: files below a directory, where no link is followed
//! - [`Draft`]: a file that gets its name when it is whole, and never otherwise
//!
//! Not for the data directory of a server: that belongs to its owner alone, and `entrepot-blobs` keeps it.

#![forbid(unsafe_code)]

mod directory;
mod draft;

pub use directory::{Directory, open};
pub use draft::{DRAFT, Draft, Readers};
