//! Why something is refused or fails.

use crate::instances::InstanceFault;

/// Why something in the library is refused or fails. No text has a secret in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing with this id, or the tenant may not know that there is.
    #[error("there is no {kind} `{id}`")]
    Unknown {
        /// What it would be: `entry`, `node`, `spec`, `instance`, `pull`.
        kind: &'static str,
        /// The id or name.
        id: String,
    },
    /// Something is not done with an instance.
    #[error(transparent)]
    Instance(#[from] InstanceFault),
    /// It was changed by somebody else in the meantime.
    #[error("it was changed since you looked at it")]
    Stale,
    /// The database failed.
    #[error("the library cannot be read or changed")]
    Catalog(#[from] entrepot_catalog::Error),
}
