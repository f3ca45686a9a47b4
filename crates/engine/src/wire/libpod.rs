//! In the words of Podman's own API.

use std::collections::BTreeMap;

use entrepot_oci::Platform;
use serde::Serialize;

use crate::{
    create_request::{CreateRequest, Network},
    device::{CdiName, Devices, GpuUuid},
    limits::{ContainerLimits, LogLimits},
    mount::{Mount, MountSource},
    ports::Publish,
};

/// How long a container has to end when the engine itself ends it, in seconds.
const STOP_SECONDS: u32 = 10;
/// The period in which processor time is counted, in microseconds.
const CPU_PERIOD: u64 = 100_000;

#[derive(Serialize)]
pub(crate) struct LibpodContainer {
    name: String,
    image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_os: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_arch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_variant: Option<String>,
    env: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entrypoint: Option<Vec<String>>,
    terminal: bool,
    stdin: bool,
    labels: BTreeMap<&'static str, String>,
    stop_timeout: u32,
    init: bool,
    restart_policy: &'static str,
    shm_size: u64,
    resource_limits: Resources,
    log_configuration: LogConfig,
    netns: Namespace,
    portmappings: Vec<PortMapping>,
    mounts: Vec<LibpodMount>,
    volumes: Vec<Volume>,
    devices: Vec<Device>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oci_runtime: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    storage_opts: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Resources {
    cpu: Cpu,
    memory: Memory,
    pids: Pids,
}

#[derive(Serialize)]
struct Cpu {
    quota: u64,
    period: u64,
}

#[derive(Serialize)]
struct Memory {
    limit: u64,
}

#[derive(Serialize)]
struct Pids {
    limit: u32,
}

#[derive(Serialize)]
struct LogConfig {
    driver: &'static str,
    size: u64,
}

#[derive(Serialize)]
struct Namespace {
    nsmode: &'static str,
}

#[derive(Serialize)]
struct PortMapping {
    host_ip: String,
    container_port: u16,
    host_port: u16,
    protocol: &'static str,
}

#[derive(Serialize)]
struct LibpodMount {
    r#type: &'static str,
    source: String,
    destination: String,
    options: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Volume {
    name: String,
    dest: String,
}

#[derive(Serialize)]
struct Device {
    path: String,
}

pub(crate) fn create(request: &CreateRequest) -> LibpodContainer {
    let platform = request.platform.as_ref();
    let (volumes, mounts) = divided(request.mounts.all());
    LibpodContainer {
        name: request.name.to_string(),
        image: request.image.to_string(),
        image_os: platform.map(|platform| platform.os.clone()),
        image_arch: platform.map(|platform| platform.architecture.clone()),
        image_variant: platform.and_then(|Platform { variant, .. }| variant.clone()),
        env: request.environment.with(&request.devices),
        command: request.command.arguments.clone(),
        entrypoint: request.command.entrypoint.clone(),
        terminal: request.command.terminal,
        stdin: request.command.terminal,
        labels: request.owner.labels(),
        stop_timeout: STOP_SECONDS,
        init: true,
        restart_policy: "no",
        shm_size: request.limits.shm,
        resource_limits: resources(&request.limits),
        log_configuration: log(request.limits.log),
        // Said, since Podman's configuration can make it that of the machine.
        netns: Namespace {
            nsmode: match request.network {
                Network::Usual => "bridge",
                Network::None => "none",
            },
        },
        portmappings: request.ports.iter().map(mapping).collect(),
        mounts,
        volumes,
        devices: devices(&request.devices),
        oci_runtime: request.devices.runtime(),
        storage_opts: request.limits.disk.map(|bytes| ("size", bytes.to_string())).into_iter().collect(),
    }
}

fn resources(limits: &ContainerLimits) -> Resources {
    Resources {
        cpu: Cpu { quota: u64::from(limits.cpu_milli) * CPU_PERIOD / 1000, period: CPU_PERIOD },
        memory: Memory { limit: limits.memory },
        pids: Pids { limit: limits.pids },
    }
}

// Podman keeps one file, and cuts it.
fn log(LogLimits { file_mib, files }: LogLimits) -> LogConfig {
    LogConfig { driver: "k8s-file", size: (u64::from(file_mib) * u64::from(files)) << 20 }
}

fn mapping(port: Publish) -> PortMapping {
    PortMapping {
        host_ip: port.address.map(|address| address.to_string()).unwrap_or_default(),
        container_port: port.container,
        host_port: port.host,
        protocol: "tcp",
    }
}

fn divided(all: Vec<Mount>) -> (Vec<Volume>, Vec<LibpodMount>) {
    let (mut volumes, mut mounts) = (Vec::new(), Vec::new());
    for Mount { target, source } in all {
        match source {
            MountSource::Volume(name) => volumes.push(Volume { name, dest: target }),
            MountSource::Host(source) => {
                let options = vec!["rbind", "ro"];
                mounts.push(LibpodMount { r#type: "bind", source, destination: target, options });
            }
        }
    }
    (volumes, mounts)
}

// NVIDIA's own names are known to Podman by the container device interface only.
fn devices(devices: &Devices) -> Vec<Device> {
    match devices {
        Devices::Cdi(names) => names.iter().map(|name| Device { path: CdiName::to_string(name) }).collect(),
        Devices::Nvidia(names) => names
            .iter()
            .map(|name| Device { path: format!("nvidia.com/gpu={}", GpuUuid::as_str(name)) })
            .collect(),
        Devices::EveryNvidia => vec![Device { path: "nvidia.com/gpu=all".to_owned() }],
        Devices::None | Devices::Ascend { .. } => Vec::new(),
    }
}
