//! The handle that everything else uses.

use std::sync::Arc;

use entrepot_catalog::Catalog;
use entrepot_mirror::Mirror;
use entrepot_secrets::Keys;
use entrepot_vault::Vault;

use crate::{instances::Work, settings::Settings};

/// The image library. Cheap to clone; clones share their state.
#[derive(Clone)]
pub struct Library(pub(crate) Arc<Shared>);

/// What a library is made of.
#[derive(Clone)]
pub struct Parts {
    /// Where its records are.
    pub catalog: Catalog,
    /// What the secrets of nodes are sealed with.
    pub keys: Keys,
    /// Where passwords go that come with addresses.
    pub vault: Vault,
    /// What images are looked up in, and what nodes pull through.
    pub mirror: Mirror,
    /// The configuration.
    pub settings: Settings,
}

pub(crate) struct Shared {
    pub(crate) catalog: Catalog,
    pub(crate) keys: Keys,
    pub(crate) vault: Vault,
    pub(crate) mirror: Mirror,
    pub(crate) settings: Settings,
    pub(crate) instances: Arc<Work>,
}

impl Library {
    /// Opens the library. Nothing runs yet.
    pub fn new(Parts { catalog, keys, vault, mirror, settings }: Parts) -> Self {
        Self(Arc::new(Shared { catalog, keys, vault, mirror, settings, instances: Arc::default() }))
    }
}
