//! Files that a command reads and writes in places where other users may have put something before.
//!
//! - [`open`]: a file the user chose; [`Directory`]: files below a directory, without following links
//! - [`Draft`]: a file that gets its name only when it is complete
//!
//! Not for a server's data directory, which belongs to its owner alone; `entrepot-blobs` manages that.

#![forbid(unsafe_code)]

mod directory;
mod draft;

pub use directory::{Directory, open};
pub use draft::{DRAFT, Draft, Readers};
