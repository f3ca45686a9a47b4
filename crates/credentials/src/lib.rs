//! Reads and writes the registry logins of this user, where Docker and the containers tools (podman, skopeo, buildah)
//! keep them.
//!
//! - [`AuthFilePaths`]: which files there are, from environment variables such as `REGISTRY_AUTH_FILE`
//! - [`Logins`]: finds the logins for a registry, in the files and with credential helpers
//! - [`LoginStore`]: adds and removes logins; a [`LoginTarget`] is a registry or a namespace of it
//!
//! Secrets leave this crate only inside a [`Credential`]. No [`Error`] has one, and the output of helpers is never passed on.

#![forbid(unsafe_code)]

mod auth_file;
mod credential;
mod error;
mod helper;
mod logins;
mod paths;
mod store;
mod target;

pub use credential::Credential;
pub use error::{Error, HelperFault};
pub use logins::{FoundLogins, Login, Logins};
pub use paths::AuthFilePaths;
pub use store::{LoginStore, RemovedLogin, StoredIn};
pub use target::{LoginTarget, LoginTargetError};
