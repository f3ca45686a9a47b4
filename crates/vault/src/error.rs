//! Why something is refused or fails.

use entrepot_secrets::{KeyId, OpenError as SealError, RotationError};

use crate::credential::CredentialFault;

/// Why a credential cannot be stored, changed or verified. No text has a secret in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was given is not accepted.
    #[error(transparent)]
    Fault(#[from] CredentialFault),
    /// The name is taken.
    #[error("there is a credential `{0}` already")]
    Exists(String),
    /// There is no such credential.
    #[error("there is no credential `{0}`")]
    Unknown(String),
    /// It was changed by somebody else in the meantime.
    #[error("it was changed in the meantime; look at it again")]
    Conflict,
    /// It has another revision than the one that the change is for.
    #[error("it was changed since you looked at it")]
    Stale,
    /// The stored value does not open.
    #[error("the stored password of `{name}` cannot be used: {source}")]
    Sealed {
        /// Whose it is.
        name: String,
        /// Why not.
        source: SealError,
    },
    /// The settings of its registry cannot be used.
    #[error("the registry cannot be set up")]
    Settings(#[from] entrepot_remote::SettingsError),
    /// The database failed.
    #[error("the credentials cannot be read or changed")]
    Catalog(#[from] entrepot_catalog::Error),
}

/// Why the stored credentials cannot be opened at the start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The key that sealed one of them is not here.
    #[error("the key `{key}` that sealed the credential `{name}` is not here")]
    NoKey {
        /// The credential.
        name: String,
        /// The key.
        key: KeyId,
    },
    /// The database failed.
    #[error("the credentials cannot be read")]
    Catalog(#[from] entrepot_catalog::Error),
}

/// Why a rotation did not end. Every key that is needed is still there.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The keys cannot be changed.
    #[error(transparent)]
    Keys(#[from] RotationError),
    /// A sealed value does not open, so it cannot be sealed again.
    #[error("the sealed value `{row}` of `{table}` does not open: {source}")]
    Sealed {
        /// The table that it is in.
        table: &'static str,
        /// Its row.
        row: String,
        /// Why not.
        source: SealError,
    },
    /// The database failed.
    #[error("the sealed values cannot be read or changed")]
    Catalog(#[from] entrepot_catalog::Error),
}
