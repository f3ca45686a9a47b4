//! SSH into instances: who shows the public key of their account gets a program or a terminal in a container.
//!
//! - [`SshServer`]: listens, bounds who has not shown a key yet (`waiting`), and serves connections
//! - [`HostKey`]: what clients know this server by
//! - `connection`: what a client may ask; `conversation`: one program of a client, until one of them ends
//!
//! Programs run by the engine, as for `entrepot exec`: the image needs no SSH server, and they have the environment of the
//! container. Nothing is forwarded, and no files are transferred.

#![forbid(unsafe_code)]

mod connection;
mod conversation;
mod host_key;
mod language;
mod request;
mod server;
mod waiting;

pub use host_key::{HostKey, HostKeyError};
pub use server::{SshParts, SshServer};
