//! The transport of a connection: lets the kernel send files by itself, and closes gracefully.
//!
//! - `linger`: keeps reading for a moment on close, and tracks what the client takes
//! - `lending`: the mapped files that the responses of one connection are sent from
//! - `socket` (Linux): turns writes of slices of such a file into `sendfile`
//!
//! On other systems, over TLS and over HTTP/2, the same slices are written like any other bytes.

pub(crate) mod lending;
pub(crate) mod linger;
pub(crate) mod open;
#[cfg(target_os = "linux")]
pub(crate) mod socket;
