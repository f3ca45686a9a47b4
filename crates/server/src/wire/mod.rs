//! The connection's end of the wire: what lets the kernel send files by itself, and closes with care.
//!
//! - `linger`: reads on for a moment when a connection is closed, and sees what the client takes
//! - `lending`: which mapped files the responses of one connection are being sent from
//! - `socket` (Linux): turns writes of slices of such a file into `sendfile`
//!
//! Elsewhere, over TLS and over HTTP/2 the same slices are written like any other bytes.

pub(crate) mod lending;
pub(crate) mod linger;
pub(crate) mod open;
#[cfg(target_os = "linux")]
pub(crate) mod socket;
