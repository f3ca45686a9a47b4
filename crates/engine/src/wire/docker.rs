//! In the words of Docker's API.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    create_request::{CreateRequest, Network},
    device::{CdiName, Devices, GpuUuid},
    mount::{Mount, MountSource},
    ports::Publish,
    wire::nano_cpus,
};

/// How long a container has to end when the engine itself ends it, in seconds.
const STOP_SECONDS: u32 = 10;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DockerContainer {
    image: String,
    env: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cmd: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entrypoint: Option<Vec<String>>,
    tty: bool,
    open_stdin: bool,
    labels: BTreeMap<&'static str, String>,
    stop_timeout: u32,
    exposed_ports: BTreeMap<String, EmptyObject>,
    host_config: HostConfig,
}

#[derive(Serialize)]
struct EmptyObject {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    nano_cpus: u64,
    memory: u64,
    shm_size: u64,
    pids_limit: u32,
    init: bool,
    restart_policy: RestartPolicy,
    log_config: LogConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_mode: Option<&'static str>,
    port_bindings: BTreeMap<String, Vec<PortBinding>>,
    mounts: Vec<DockerMount>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    device_requests: Vec<DeviceRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    storage_opt: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RestartPolicy {
    name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LogConfig {
    r#type: &'static str,
    config: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PortBinding {
    host_ip: String,
    host_port: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerMount {
    r#type: &'static str,
    source: String,
    target: String,
    read_only: bool,
}

#[derive(Serialize)]
struct DeviceRequest {
    #[serde(rename = "Driver")]
    driver: &'static str,
    #[serde(rename = "Count", skip_serializing_if = "Option::is_none")]
    count: Option<i32>,
    #[serde(rename = "DeviceIDs", skip_serializing_if = "Vec::is_empty")]
    device_ids: Vec<String>,
    #[serde(rename = "Capabilities", skip_serializing_if = "Vec::is_empty")]
    capabilities: Vec<Vec<&'static str>>,
}

pub(crate) fn create(request: &CreateRequest) -> DockerContainer {
    let environment = request.environment.with(&request.devices);
    let ports: Vec<Publish> = request.ports.iter().collect();
    DockerContainer {
        image: request.image.to_string(),
        env: environment.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        cmd: request.command.arguments.clone(),
        entrypoint: request.command.entrypoint.clone(),
        tty: request.command.terminal,
        open_stdin: request.command.terminal,
        labels: request.owner.labels(),
        stop_timeout: STOP_SECONDS,
        exposed_ports: ports.iter().map(|port| (tcp(port.container), EmptyObject {})).collect(),
        host_config: host_config(request, &ports),
    }
}

fn host_config(request: &CreateRequest, ports: &[Publish]) -> HostConfig {
    let limits = &request.limits;
    HostConfig {
        nano_cpus: nano_cpus(limits),
        memory: limits.memory,
        shm_size: limits.shm,
        pids_limit: limits.pids,
        init: true,
        // Whether something runs again is decided in one place, and that is not the engine.
        restart_policy: RestartPolicy { name: "no" },
        log_config: LogConfig {
            r#type: "json-file",
            config: BTreeMap::from([
                ("max-size", format!("{}m", limits.log.file_mib)),
                ("max-file", limits.log.files.to_string()),
            ]),
        },
        network_mode: match request.network {
            // What Docker gives to every container; its configuration can make it nothing, and never the machine's.
            Network::Usual => None,
            Network::None => Some("none"),
        },
        port_bindings: bindings(ports),
        mounts: request.mounts.all().into_iter().map(mounted).collect(),
        device_requests: device_requests(&request.devices),
        runtime: request.devices.runtime(),
        storage_opt: limits.disk.map(|bytes| ("size", bytes.to_string())).into_iter().collect(),
    }
}

fn bindings(ports: &[Publish]) -> BTreeMap<String, Vec<PortBinding>> {
    let mut bindings: BTreeMap<String, Vec<PortBinding>> = BTreeMap::new();
    for port in ports {
        bindings.entry(tcp(port.container)).or_default().push(PortBinding {
            host_ip: port.address.map(|address| address.to_string()).unwrap_or_default(),
            host_port: port.host.to_string(),
        });
    }
    bindings
}

fn tcp(port: u16) -> String {
    format!("{port}/tcp")
}

// `Mounts`, not `Binds`: of those a missing source would be made, as an empty directory of root.
fn mounted(mount: Mount) -> DockerMount {
    let (r#type, source, read_only) = match mount.source {
        MountSource::Volume(name) => ("volume", name, false),
        MountSource::Host(path) => ("bind", path, true),
    };
    DockerMount { r#type, source, target: mount.target, read_only }
}

// Always by name: a count would be the first cards of the machine, whoever has them.
fn device_requests(devices: &Devices) -> Vec<DeviceRequest> {
    match devices {
        _ if devices.is_none() => Vec::new(),
        Devices::Cdi(names) => vec![DeviceRequest {
            driver: "cdi",
            count: None,
            device_ids: names.iter().map(CdiName::to_string).collect(),
            capabilities: Vec::new(),
        }],
        Devices::Nvidia(names) => vec![DeviceRequest {
            driver: "nvidia",
            count: None,
            device_ids: names.iter().map(GpuUuid::to_string).collect(),
            capabilities: vec![vec!["gpu"]],
        }],
        Devices::EveryNvidia => vec![DeviceRequest {
            driver: "nvidia",
            count: Some(-1),
            device_ids: Vec::new(),
            capabilities: vec![vec!["gpu"]],
        }],
        Devices::None | Devices::Ascend { .. } => Vec::new(),
    }
}
