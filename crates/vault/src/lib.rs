//! Secrets of others that this server uses: the credentials of other registries, sealed in the catalog.
//!
//! - [`Vault`]: what is stored, as it is managed; a change counts from the next request to the registry on
//! - [`NewCredential`], [`CredentialName`]: what is stored, checked
//! - [`Verification`]: what a registry says to a stored credential
//! - rotation: everything sealed, in any table, gets a new key while it is in use
//!
//! A secret that came in goes out to its registry only. Every change is in the audit log, also one that is refused.

#![forbid(unsafe_code)]

mod credential;
mod document;
mod error;
mod rotation;
mod status;
mod vault;
mod verdict;
mod verify;

pub use credential::{CredentialFault, CredentialName, CredentialUpdate, NewCredential};
pub use entrepot_remote::Credential;
pub use entrepot_secrets::RotationError;
pub use error::{Error, OpenError, RotateError};
pub use status::{KeyStatus, KeysStatus};
pub use vault::{ChangeHook, SettingsOf, Vault, VaultParts, read};
pub use verdict::{CredentialVerdict, Quota, Verification, VerifyStep};
