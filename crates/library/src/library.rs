//! The handle that everything else uses.

use std::sync::Arc;

use entrepot_access::Access;
use entrepot_catalog::Catalog;
use entrepot_events::EventSender;
use entrepot_mirror::{Mirror, Names};
use entrepot_secrets::Keys;
use entrepot_vault::Vault;
use tokio::sync::{Mutex, Semaphore};
use url::Url;

use crate::{instances::Work, nodes::Connections, pulls::Jobs, settings::Settings};

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
    /// What gives nodes the logins that they pull with.
    pub access: Access,
    /// Where nodes reach this server, if nothing else is said of them.
    pub address: Option<Url>,
    /// Where it is told what operators want to hear.
    pub events: EventSender,
    /// The configuration.
    pub settings: Settings,
}

pub(crate) struct Shared {
    pub(crate) catalog: Catalog,
    pub(crate) keys: Keys,
    pub(crate) vault: Vault,
    pub(crate) mirror: Mirror,
    pub(crate) access: Access,
    pub(crate) address: Option<Url>,
    pub(crate) events: EventSender,
    pub(crate) settings: Settings,
    pub(crate) connections: Connections,
    pub(crate) pulls: Jobs,
    /// Held while entries and the logins that they stand on are changed.
    pub(crate) logins: Mutex<()>,
    /// Held from reading a record until its pins are what it says.
    pub(crate) pins: Mutex<()>,
    /// Bounds the images that are looked at.
    pub(crate) checks: Semaphore,
    pub(crate) instances: Arc<Work>,
}

impl Library {
    /// Opens the library. Nothing runs yet.
    pub fn new(Parts { catalog, keys, vault, mirror, access, address, events, settings }: Parts) -> Self {
        Self(Arc::new(Shared {
            catalog,
            keys,
            vault,
            mirror,
            access,
            address,
            events,
            settings,
            connections: Connections::default(),
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
    pub fn names(&self) -> &Names {
        self.0.mirror.names()
    }
}
