//! What an engine says of itself and its machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use http::Method;
use serde::Deserialize;

use crate::{
    engine::{Api, Engine, MAX_DOCUMENT, MAX_LIST, request},
    error::Error,
    json::{self, null_is_default},
    message::Message,
    transport::{BODY_TIMEOUT, Wait},
};

/// How long counting the bytes on disk may take.
const USAGE_TIMEOUT: Duration = Duration::from_secs(120);
/// The most names that are kept of a list.
const MAX_NAMES: usize = 1024;

/// What an engine says of itself and its machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// What the machine is called.
    pub name: String,
    /// The engine's own id, if it has one: two addresses with one id are one engine.
    pub id: String,
    /// The machine's system, for people.
    pub system: String,
    /// The machine's architecture: in the kernel's words, `x86_64`, on Docker, and in Go's, `amd64`, on Podman.
    pub architecture: String,
    /// Processors.
    pub cpus: u32,
    /// Bytes of memory.
    pub memory: u64,
    /// How layers are stored, such as `overlay2`.
    pub storage: String,
    /// What the machine's file system below them is, such as `xfs`.
    pub file_system: String,
    /// Whether images are kept by containerd.
    pub has_containerd_store: bool,
    /// Where the engine keeps everything.
    pub root: String,
    /// The runtimes that containers can have.
    pub runtimes: BTreeSet<String>,
    /// The runtime of containers that name none.
    pub default_runtime: String,
    /// `1` or `2`.
    pub cgroups: String,
    /// Whether the engine runs without root, so that some limits cannot be kept.
    pub is_rootless: bool,
    /// The directories with specifications of the container device interface.
    pub cdi_directories: Vec<String>,
    /// The names of devices that the engine found there, where it says so.
    pub cdi_devices: BTreeSet<String>,
    /// What the engine warns about.
    pub warnings: Vec<Message>,
    /// The engine's clock, in milliseconds since 1970.
    pub clock_ms: Option<i64>,
}

/// Bytes on the engine's disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// Of images; shared layers count once on Docker, and once for each image on Podman.
    pub images: u64,
    /// Of what containers wrote.
    pub containers: u64,
    /// Of volumes.
    pub volumes: u64,
    /// The disk itself, where the engine says so.
    pub disk: Option<Usage>,
}

/// How full something is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// All of it.
    pub total: u64,
    /// What is used.
    pub used: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireInfo {
    #[serde(default, rename = "ID")]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    operating_system: String,
    #[serde(default)]
    architecture: String,
    #[serde(default, rename = "NCPU")]
    cpus: u32,
    #[serde(default)]
    mem_total: u64,
    #[serde(default)]
    driver: String,
    #[serde(default, deserialize_with = "null_is_default")]
    driver_status: Vec<Vec<String>>,
    #[serde(default)]
    docker_root_dir: String,
    #[serde(default, deserialize_with = "null_is_default")]
    runtimes: BTreeMap<String, serde::de::IgnoredAny>,
    #[serde(default)]
    default_runtime: String,
    #[serde(default)]
    cgroup_version: String,
    #[serde(default, deserialize_with = "null_is_default")]
    security_options: Vec<String>,
    // Podman's.
    #[serde(default)]
    rootless: bool,
    #[serde(default, rename = "CDISpecDirs", deserialize_with = "null_is_default")]
    cdi_spec_dirs: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    discovered_devices: Vec<Device>,
    #[serde(default, deserialize_with = "null_is_default")]
    warnings: Vec<String>,
    #[serde(default)]
    system_time: String,
}

#[derive(Deserialize)]
struct Device {
    #[serde(default, rename = "Source")]
    source: String,
    #[serde(default, rename = "ID")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireUsage {
    #[serde(default)]
    layers_size: i64,
    #[serde(default, deserialize_with = "null_is_default")]
    images: Vec<WireImage>,
    #[serde(default, deserialize_with = "null_is_default")]
    containers: Vec<WireContainer>,
    #[serde(default, deserialize_with = "null_is_default")]
    volumes: Vec<WireVolume>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireImage {
    #[serde(default)]
    id: String,
    #[serde(default)]
    size: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireContainer {
    #[serde(default)]
    size_rw: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireVolume {
    #[serde(default, deserialize_with = "null_is_default")]
    usage_data: UsageData,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UsageData {
    #[serde(default)]
    size: i64,
}

#[derive(Deserialize)]
struct LibpodInfo {
    store: LibpodStore,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LibpodStore {
    #[serde(default)]
    graph_root_allocated: u64,
    #[serde(default)]
    graph_root_used: u64,
}

impl Engine {
    /// What the engine says of itself and its machine.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn info(&self) -> Result<Info, Error> {
        let wire: WireInfo = self.get("info", MAX_DOCUMENT).await?;
        Ok(info(wire))
    }

    /// How many bytes it has on disk. Counting them takes some engines long.
    ///
    /// # Errors
    /// It does not answer in two minutes.
    pub async fn disk_usage(&self) -> Result<DiskUsage, Error> {
        let answer = self.call(Method::GET, "system/df", Wait::AtMost(USAGE_TIMEOUT)).await?;
        let wire: WireUsage = json::read(&answer.body.whole(MAX_LIST, BODY_TIMEOUT).await?)?;
        let disk = if self.is_podman() { self.podman_disk().await? } else { None };
        // What is not known is below zero.
        let sum = |sizes: &mut dyn Iterator<Item = i64>| {
            sizes.map(|size| u64::try_from(size).unwrap_or_default()).fold(0, u64::saturating_add)
        };
        Ok(DiskUsage {
            images: u64::try_from(wire.layers_size).ok().filter(|size| *size > 0).unwrap_or_else(|| {
                // Podman counts no layers; an image is there once under each of its names.
                let images: BTreeMap<&str, i64> =
                    wire.images.iter().map(|image| (image.id.as_str(), image.size)).collect();
                sum(&mut images.into_values())
            }),
            containers: sum(&mut wire.containers.iter().map(|container| container.size_rw)),
            volumes: sum(&mut wire.volumes.iter().map(|volume| volume.usage_data.size)),
            disk,
        })
    }

    async fn podman_disk(&self) -> Result<Option<Usage>, Error> {
        let request = request(Method::GET, &self.path(Api::Libpod, "info"), None)?;
        let answer = self.send(request, Wait::SHORT).await?;
        let wire: LibpodInfo = json::read(&answer.body.whole(MAX_DOCUMENT, BODY_TIMEOUT).await?)?;
        let LibpodStore { graph_root_allocated: total, graph_root_used: used } = wire.store;
        Ok((total > 0).then_some(Usage { total, used }))
    }
}

fn info(wire: WireInfo) -> Info {
    let status = |wanted: &str| {
        let found = wire.driver_status.iter().find(|pair| pair.first().is_some_and(|name| name == wanted));
        found.and_then(|pair| pair.get(1)).map(String::as_str).unwrap_or_default()
    };
    let is_rootless = wire.rootless || wire.security_options.iter().any(|option| option == "name=rootless");
    let cdi = wire.discovered_devices.iter().filter(|device| device.source == "cdi");
    Info {
        has_containerd_store: status("driver-type").starts_with("io.containerd.snapshotter"),
        file_system: text(status("Backing Filesystem")),
        cdi_devices: cdi.take(MAX_NAMES).map(|device| text(&device.id)).collect(),
        name: text(&wire.name),
        id: text(&wire.id),
        system: text(&wire.operating_system),
        architecture: text(&wire.architecture),
        cpus: wire.cpus,
        memory: wire.mem_total,
        storage: text(&wire.driver),
        root: text(&wire.docker_root_dir),
        runtimes: wire.runtimes.keys().take(MAX_NAMES).map(|name| text(name)).collect(),
        default_runtime: text(&wire.default_runtime),
        cgroups: text(&wire.cgroup_version),
        is_rootless,
        cdi_directories: wire.cdi_spec_dirs.iter().take(MAX_NAMES).map(|name| text(name)).collect(),
        warnings: wire.warnings.iter().take(MAX_NAMES).map(|text| Message::new(text)).collect(),
        clock_ms: crate::time::ms(&wire.system_time),
    }
}

fn text(said: &str) -> String {
    Message::new(said).as_str().to_owned()
}
