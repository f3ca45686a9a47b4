//! Why something about entries is refused or fails.

use entrepot_catalog::EntryUse;

use super::fields::EntryFault;
use crate::text::joined;

/// Why something about entries is refused or fails. No text has a secret in it.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// There is no such entry.
    #[error("there is no entry `{0}`")]
    Unknown(String),
    /// Several entries have this name.
    #[error("several entries are named `{name}`")]
    Several {
        /// The name.
        name: String,
        /// Some of their ids.
        ids: Vec<i64>,
    },
    /// It was changed by somebody else in the meantime.
    #[error("it was changed since you looked at it")]
    Stale,
    /// What was given is not accepted; all that is wrong with it.
    #[error("{}", joined(.0))]
    Faults(Vec<EntryFault>),
    /// Instances use the entry.
    #[error("the entry `{entry}` is in use by {}", used_by(.by))]
    InUse {
        /// The entry.
        entry: i64,
        /// Some of the instances.
        by: Vec<EntryUse>,
    },
    /// The login that came with an address is not accepted.
    #[error("the login in the address is not stored: {0}")]
    Login(#[source] entrepot_vault::Error),
    /// What is held cannot be looked into.
    #[error("the image cannot be looked into: {0}")]
    Mirror(#[source] entrepot_mirror::Error),
    /// The database failed.
    #[error("the library cannot be read or changed")]
    Catalog(#[from] entrepot_catalog::Error),
}

fn used_by(by: &[EntryUse]) -> String {
    let named = |one: &EntryUse| format!("instance `{}` of {} (id {})", one.name, one.owner, one.id);
    by.iter().map(named).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instances_are_named() {
        let by = |id, name: &str| EntryUse { id, name: name.to_owned(), owner: "ann".to_owned() };
        let error = EntryError::InUse { entry: 7, by: vec![by(1, "train"), by(2, "serve")] };
        assert_eq!(
            error.to_string(),
            "the entry `7` is in use by instance `train` of ann (id 1), instance `serve` of ann (id 2)"
        );
    }
}
