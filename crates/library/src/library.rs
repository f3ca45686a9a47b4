//! The handle that everything else uses.

use std::sync::Arc;

use entrepot_catalog::Catalog;
use entrepot_mirror::{Mirror, Names};
use entrepot_secrets::Keys;
use entrepot_vault::Vault;
use tokio::sync::{Mutex, Semaphore};

use crate::{instances::Work, settings::Settings};

/// How many images are looked at at a time: layers are decompressed for it.
const CHECKS: usize = 2;

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
    /// Held while entries and the logins that they stand on are changed.
    pub(crate) logins: Mutex<()>,
    /// Bounds the images that are looked at.
    pub(crate) checks: Semaphore,
    pub(crate) instances: Arc<Work>,
}

impl Library {
    /// Opens the library. Nothing runs yet.
    pub fn new(Parts { catalog, keys, vault, mirror, settings }: Parts) -> Self {
        let (logins, checks) = (Mutex::default(), Semaphore::new(CHECKS));
        Self(Arc::new(Shared {
            catalog,
            keys,
            vault,
            mirror,
            settings,
            logins,
            checks,
            instances: Arc::default(),
        }))
    }

    /// How names are read: what is pushed here, and what is fetched from where.
    pub fn names(&self) -> &Names {
        self.0.mirror.names()
    }
}
