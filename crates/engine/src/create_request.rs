//! What can be asked of a new container.

use entrepot_oci::{ImageRef, Platform};

use crate::{
    device::Devices, environment::Environment, limits::ContainerLimits, mount::Mounts, names::ContainerName,
    owner::Owner, ports::Ports,
};

/// All that can be asked of a new container.
///
/// Every container has an init process, is never restarted by the engine, and gets no privileges, no name space of its
/// machine, no capability, no label and no device besides what is named here: there is no word for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateRequest {
    /// Its name.
    pub name: ContainerName,
    /// What runs.
    pub image: ImageRef,
    /// For which platform; otherwise the engine's own.
    pub platform: Option<Platform>,
    /// Whose it is.
    pub owner: Owner,
    /// What it starts.
    pub command: Command,
    /// Its variables, besides those of the image.
    pub environment: Environment,
    /// How much of the machine it may use.
    pub limits: ContainerLimits,
    /// Which cards it gets.
    pub devices: Devices,
    /// What it sees of the machine.
    pub mounts: Mounts,
    /// Which ports lead to it.
    pub ports: Ports,
    /// What it reaches.
    pub network: Network,
}

/// What a container starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The program in place of the image's.
    pub entrypoint: Option<Vec<String>>,
    /// Its arguments in place of the image's.
    pub arguments: Option<Vec<String>>,
    /// Whether it has a terminal.
    pub terminal: bool,
}

/// What a container reaches. The network of the machine itself is not among it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// One of its own, behind that of the machine.
    #[default]
    Usual,
    /// Nothing.
    None,
}
