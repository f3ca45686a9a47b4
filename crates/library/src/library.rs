//! The handle that everything else uses.

use std::sync::Arc;

use entrepot_access::Access;
use entrepot_catalog::Catalog;
use entrepot_events::EventSender;
use entrepot_mirror::{Mirror, NameResolver};
use entrepot_secrets::SharedKeyring;
use entrepot_vault::Vault;
use tokio::sync::{Mutex, Semaphore};
use url::Url;

use crate::{instances::InstanceWork, nodes::EngineConnections, pulls::Jobs, settings::LibrarySettings};

/// How many images are looked at at a time: layers are decompressed for it.
const CHECKS: usize = 2;

/// The image library. Cheap to clone; clones share their state.
#[derive(Clone)]
pub struct Library(pub(crate) Arc<LibraryInner>);

/// What a library is made of.
#[derive(Clone)]
pub struct LibraryParts {
    /// Where its records are.
    pub catalog: Catalog,
    /// What the secrets of nodes are sealed with.
    pub keys: SharedKeyring,
    /// Where passwords go that come with addresses.
    pub vault: Vault,
    /// What images are looked up in, and what nodes pull through.
    pub mirror: Mirror,
    /// What gives nodes the logins that they pull with.
    pub access: Access,
    /// Where nodes reach this server, if nothing else is said of them.
    pub address: Option<Url>,
    /// Where it is told what operators want to hear.
    pub events: EventSender,
    /// The configuration.
    pub settings: LibrarySettings,
}

pub(crate) struct LibraryInner {
    pub(crate) catalog: Catalog,
    pub(crate) keys: SharedKeyring,
    pub(crate) vault: Vault,
    pub(crate) mirror: Mirror,
    pub(crate) access: Access,
    pub(crate) address: Option<Url>,
    pub(crate) events: EventSender,
    pub(crate) settings: LibrarySettings,
    pub(crate) connections: EngineConnections,
    pub(crate) pulls: Jobs,
    /// Held while entries and the logins that they stand on are changed.
    pub(crate) logins: Mutex<()>,
    /// Held from reading a record until its pins are what it says.
    pub(crate) pins: Mutex<()>,
    /// Bounds the images that are looked at.
    pub(crate) checks: Semaphore,
    pub(crate) instances: Arc<InstanceWork>,
}

impl Library {
    /// Opens the library. Nothing runs yet.
    pub fn new(
        LibraryParts { catalog, keys, vault, mirror, access, address, events, settings }: LibraryParts,
    ) -> Self {
        Self(Arc::new(LibraryInner {
            catalog,
            keys,
            vault,
            mirror,
            access,
            address,
            events,
            settings,
            connections: EngineConnections::default(),
            pulls: Jobs::default(),
            logins: Mutex::default(),
            pins: Mutex::default(),
            checks: Semaphore::new(CHECKS),
            instances: Arc::default(),
        }))
    }

    /// The port that instances are reached at by SSH, if they are.
    pub fn ssh_port(&self) -> Option<u16> {
        let ssh = &self.0.settings.ssh;
        ssh.listen.map(|listen| ssh.port.unwrap_or(listen.port()))
    }

    /// How names are read: what is pushed here, and what is fetched from where.
    pub fn names(&self) -> &NameResolver {
        self.0.mirror.names()
    }
}
