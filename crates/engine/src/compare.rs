//! Compares the container that was asked for with the one that the engine made. All of it is pure.
//!
//! Engines leave out what they do not understand, some of it only when the container starts. So this is looked at
//! after every create and after every start.

use std::{collections::BTreeSet, fmt};

use crate::{
    container::{Container, ContainerSettings, ContainerStatus, Evidence},
    create_request::CreateRequest,
    device::{CdiName, Devices, GpuUuid},
    mount::{Mount, MountSource},
};

/// The part of a log's size by which an engine may round.
const ROUNDING: u64 = 50;

/// Where the container is not as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// It belongs to somebody else.
    Owner,
    /// A card is missing.
    DeviceMissing(String),
    /// It has a card that it was not given.
    DeviceForeign(String),
    /// The engine counts cards instead of naming them.
    DevicesCounted,
    /// It may do everything on its machine.
    Privileged,
    /// It shares a name space with its machine.
    HostNamespace(&'static str),
    /// It has a capability that was not asked for.
    Capability(String),
    /// Something is not mounted, or otherwise.
    Mount(String),
    /// Something is mounted that was not asked for.
    MountForeign(String),
    /// A variable is missing, or has another value.
    Variable(String),
    /// Another runtime runs it.
    Runtime,
    /// The engine starts it again by itself.
    Restart,
    /// A port does not lead to it.
    Port(u16),
    /// It has another limit, or none.
    Limit(Limit),
    /// It has no init process.
    Init,
    /// It has a terminal where none was asked for, or the other way round.
    Terminal,
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Processor time.
    Cpu,
    /// Memory.
    Memory,
    /// `/dev/shm`.
    Shm,
    /// Processes and threads.
    Pids,
    /// Its own disk.
    Disk,
    /// Its log.
    Log,
}

impl Difference {
    /// Whether it must not run so: others would be harmed, or what was promised is not there. The rest is a warning.
    pub fn is_serious(&self) -> bool {
        !matches!(self, Self::Limit(_) | Self::Init | Self::Terminal)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => formatter.write_str("it belongs to somebody else"),
            Self::DeviceMissing(name) => write!(formatter, "the card `{name}` is missing"),
            Self::DeviceForeign(name) => {
                write!(formatter, "it has the device `{name}`, which it was not given")
            }
            Self::DevicesCounted => formatter.write_str("the engine counts cards instead of naming them"),
            Self::Privileged => formatter.write_str("it is privileged"),
            Self::HostNamespace(name) => write!(formatter, "it shares the {name} name space of its machine"),
            Self::Capability(name) => write!(formatter, "it has the capability `{name}`"),
            Self::Mount(path) => write!(formatter, "`{path}` is not mounted as it was asked for"),
            Self::MountForeign(path) => write!(formatter, "something else is mounted at `{path}`"),
            Self::Variable(name) => write!(formatter, "the variable `{name}` is not as it was asked for"),
            Self::Runtime => formatter.write_str("another runtime runs it"),
            Self::Restart => formatter.write_str("the engine would start it again by itself"),
            Self::Port(port) => write!(formatter, "the port {port} does not lead to it"),
            Self::Limit(limit) => write!(formatter, "the limit of its {limit} is not kept"),
            Self::Init => formatter.write_str("it has no init process"),
            Self::Terminal => {
                formatter.write_str("it has a terminal where none was asked for, or none where one was")
            }
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Cpu => "processors",
            Self::Memory => "memory",
            Self::Shm => "shared memory",
            Self::Pids => "processes",
            Self::Disk => "disk",
            Self::Log => "log",
        })
    }
}

/// Where the container is not as it was asked for; the worst first.
pub fn compare(request: &CreateRequest, container: &Container) -> Vec<Difference> {
    let made = &container.settings;
    let mut found = BTreeSet::new();
    if container.owner.as_ref() != Some(&request.owner) {
        found.insert(Difference::Owner);
    }
    found.extend(devices(&request.devices, container));
    found.extend(made.privileged.then_some(Difference::Privileged));
    found.extend(made.host_namespaces.iter().map(|name| Difference::HostNamespace(name)));
    found.extend(made.added_capabilities.iter().cloned().map(Difference::Capability));
    found.extend(mounts(&request.mounts.all(), made));
    for (name, value) in request.environment.with(&request.devices) {
        if made.environment.get(&name) != Some(&value) {
            found.insert(Difference::Variable(name));
        }
    }
    if request.devices.runtime().is_some_and(|runtime| runtime != made.runtime) {
        found.insert(Difference::Runtime);
    }
    found.extend((!made.restart_policy.is_empty()).then_some(Difference::Restart));
    let missing = request.ports.iter().filter(|port| !made.ports.contains(port));
    found.extend(missing.map(|port| Difference::Port(port.host)));
    found.extend(limits(request, made).into_iter().map(Difference::Limit));
    found.extend((!made.init).then_some(Difference::Init));
    found.extend((made.terminal != request.command.terminal).then_some(Difference::Terminal));
    found.into_iter().collect()
}

fn devices(asked: &Devices, container: &Container) -> Vec<Difference> {
    match &container.settings.devices {
        Evidence::Requests { names, are_counted } => {
            let asked: BTreeSet<String> = match asked {
                Devices::Cdi(names) => names.iter().map(CdiName::to_string).collect(),
                Devices::Nvidia(names) => names.iter().map(GpuUuid::to_string).collect(),
                // Its runtime reads a variable, which is compared as such.
                Devices::None | Devices::EveryNvidia | Devices::Ascend { .. } => BTreeSet::new(),
            };
            let missing = asked.difference(names).cloned().map(Difference::DeviceMissing);
            let foreign = names.difference(&asked).cloned().map(Difference::DeviceForeign);
            missing.chain(foreign).chain(are_counted.then_some(Difference::DevicesCounted)).collect()
        }
        Evidence::Files(files) => {
            let wants = matches!(asked, Devices::Cdi(_) | Devices::Nvidia(_)) && !asked.is_none();
            // Before a start there are no files yet.
            let is_known = container.state.status != ContainerStatus::Created;
            match (wants, is_known && files.is_empty()) {
                (true, true) => missing_files(asked),
                (false, _) if matches!(asked, Devices::None) => {
                    files.iter().cloned().map(Difference::DeviceForeign).collect()
                }
                _ => Vec::new(),
            }
        }
    }
}

fn missing_files(asked: &Devices) -> Vec<Difference> {
    match asked {
        Devices::Cdi(names) => names.iter().map(|name| Difference::DeviceMissing(name.to_string())).collect(),
        Devices::Nvidia(names) => {
            names.iter().map(|name| Difference::DeviceMissing(name.to_string())).collect()
        }
        Devices::None | Devices::EveryNvidia | Devices::Ascend { .. } => Vec::new(),
    }
}

fn mounts(asked: &[Mount], made: &ContainerSettings) -> Vec<Difference> {
    let mut found = Vec::new();
    for mount in asked {
        let is_so = made.mounts.get(&mount.target).is_some_and(|there| match &mount.source {
            MountSource::Volume(name) => there.is_volume && there.source == *name && there.is_writable,
            MountSource::Host(path) => !there.is_volume && there.source == *path && !there.is_writable,
        });
        found.extend((!is_so).then(|| Difference::Mount(mount.target.clone())));
    }
    // Volumes that the image names are the container's own; a path of the machine never is.
    let is_asked = |target: &String| asked.iter().any(|mount| mount.target == *target);
    let foreign = made.mounts.iter().filter(|(target, there)| !there.is_volume && !is_asked(target));
    found.extend(foreign.map(|(target, _)| Difference::MountForeign(target.clone())));
    found
}

fn limits(request: &CreateRequest, made: &ContainerSettings) -> Vec<Limit> {
    let asked = &request.limits;
    let log = (u64::from(asked.log.file_mib) << 20) * u64::from(asked.log.files);
    let is_log_kept = made.log.is_some_and(|bytes| bytes <= log + log / ROUNDING);
    [
        (Limit::Cpu, made.cpu_milli == Some(asked.cpu_milli)),
        (Limit::Memory, made.memory == Some(asked.memory)),
        (Limit::Shm, made.shm == Some(asked.shm)),
        (Limit::Pids, made.pids == Some(asked.pids.into())),
        (Limit::Disk, asked.disk.is_none() || made.disk == asked.disk),
        (Limit::Log, is_log_kept),
    ]
    .into_iter()
    .filter_map(|(limit, is_kept)| (!is_kept).then_some(limit))
    .collect()
}
