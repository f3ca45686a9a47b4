//! Which keys there are, and what they sealed.

use std::path::PathBuf;

use entrepot_secrets::KeyId;

/// The keys, and what is sealed with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysStatus {
    /// The key file; `None` if the key is part of the configuration.
    pub file: Option<PathBuf>,
    /// The keys, the one that seals first.
    pub keys: Vec<KeyStatus>,
}

/// A key, and what is sealed with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    /// Its id.
    pub id: KeyId,
    /// Whether it seals.
    pub is_current: bool,
    /// Whether it is here. What is sealed with another one does not open.
    pub is_here: bool,
    /// How many values are sealed with it.
    pub values: u64,
}
