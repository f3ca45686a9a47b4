//! Why something is refused or fails.

use crate::{instances::InstanceFault, specs::SpecFault};

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
    /// The name is taken.
    #[error("there is a {kind} `{name}` already")]
    Exists {
        /// What has it.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Instances use it.
    #[error("the {kind} `{name}` is in use by instances: {}", instances.join(", "))]
    InUse {
        /// What is used.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The names of some of them.
        instances: Vec<String>,
    },
    /// A spec has faults: all of them.
    #[error("the spec is not one: {}", joined(.0))]
    Spec(Vec<SpecFault>),
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

impl Error {
    /// True if nothing failed: it was asked for what cannot be.
    pub(crate) fn is_refusal(&self) -> bool {
        !matches!(self, Self::Catalog(_))
    }
}

impl From<Vec<SpecFault>> for Error {
    fn from(faults: Vec<SpecFault>) -> Self {
        Self::Spec(faults)
    }
}

fn joined(faults: &[impl ToString]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
