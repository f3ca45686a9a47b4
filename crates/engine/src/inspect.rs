//! Looks at a container.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde::Deserialize;

use crate::{
    container::{Container, ContainerMount, ContainerSettings, ContainerState, ContainerStatus, Evidence},
    engine::{Api, Engine, MAX_DOCUMENT, request},
    error::Error,
    json::{self, null_is_default},
    message::Message,
    names::{ContainerId, ContainerName, ImageId},
    owner::Owner,
    ports::Publish,
    time,
    transport::{BODY_TIMEOUT, Wait},
};

impl Engine {
    /// What a container is, and how it was made.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there.
    pub async fn inspect(&self, id: &ContainerId) -> Result<Container, Error> {
        self.look(id.as_str()).await
    }

    /// The same by its name.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there.
    pub async fn inspect_named(&self, name: &ContainerName) -> Result<Container, Error> {
        self.look(name.as_str()).await
    }

    // Podman says in its own words what it leaves out in Docker's: its log's limit, and the init process.
    async fn look(&self, name: &str) -> Result<Container, Error> {
        let path = self.path(Api::Libpod, &format!("containers/{name}/json"));
        let answer = self.send(request(Method::GET, &path, None)?, Wait::SHORT).await?;
        let wire: WireInspection = json::read(&answer.body.whole(MAX_DOCUMENT, BODY_TIMEOUT).await?)?;
        container(wire, self.is_podman())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireInspection {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    image: String,
    #[serde(default)]
    created: String,
    state: WireState,
    config: Config,
    host_config: HostConfig,
    #[serde(default, deserialize_with = "null_is_default")]
    mounts: Vec<Mount>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireState {
    #[serde(default)]
    status: String,
    #[serde(default)]
    started_at: String,
    #[serde(default)]
    finished_at: String,
    #[serde(default)]
    exit_code: i64,
    #[serde(default, rename = "OOMKilled")]
    oom_killed: bool,
    #[serde(default, deserialize_with = "null_is_default")]
    error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    image: String,
    #[serde(default, deserialize_with = "null_is_default")]
    env: Vec<String>,
    #[serde(default)]
    tty: bool,
    #[serde(default, deserialize_with = "null_is_default")]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    #[serde(default)]
    nano_cpus: u64,
    #[serde(default)]
    cpu_quota: i64,
    #[serde(default)]
    cpu_period: u64,
    #[serde(default)]
    memory: u64,
    #[serde(default)]
    shm_size: u64,
    #[serde(default, deserialize_with = "null_is_default")]
    pids_limit: i64,
    #[serde(default, deserialize_with = "null_is_default")]
    storage_opt: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_is_default")]
    init: bool,
    #[serde(default, deserialize_with = "null_is_default")]
    restart_policy: RestartPolicy,
    #[serde(default, deserialize_with = "null_is_default")]
    log_config: LogConfig,
    #[serde(default)]
    privileged: bool,
    #[serde(default)]
    runtime: String,
    #[serde(default, deserialize_with = "null_is_default")]
    device_requests: Vec<DeviceRequest>,
    #[serde(default, deserialize_with = "null_is_default")]
    devices: Vec<Device>,
    #[serde(default, deserialize_with = "null_is_default")]
    port_bindings: BTreeMap<String, Option<Vec<PortBinding>>>,
    #[serde(default)]
    network_mode: String,
    #[serde(default)]
    pid_mode: String,
    #[serde(default)]
    ipc_mode: String,
    #[serde(default, rename = "UTSMode")]
    uts_mode: String,
    #[serde(default)]
    userns_mode: String,
    #[serde(default, deserialize_with = "null_is_default")]
    cap_add: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RestartPolicy {
    #[serde(default)]
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LogConfig {
    #[serde(default, deserialize_with = "null_is_default")]
    config: BTreeMap<String, String>,
    // Podman's, in its own words: `20.97MB`.
    #[serde(default)]
    size: String,
}

#[derive(Deserialize)]
struct DeviceRequest {
    #[serde(rename = "Count", default)]
    count: i64,
    #[serde(rename = "DeviceIDs", default, deserialize_with = "null_is_default")]
    device_ids: Vec<String>,
}

#[derive(Deserialize)]
struct Device {
    #[serde(rename = "PathOnHost", default)]
    on_host: String,
    #[serde(rename = "PathInContainer", default)]
    in_container: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PortBinding {
    #[serde(default)]
    host_ip: String,
    #[serde(default)]
    host_port: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    destination: String,
    #[serde(default, rename = "RW")]
    is_writable: bool,
}

fn container(wire: WireInspection, is_podman: bool) -> Result<Container, Error> {
    let devices = if is_podman { files(&wire.host_config) } else { requests(&wire.host_config) };
    Ok(Container {
        id: wire.id.parse().map_err(|_| Error::Answer("it names no container"))?,
        name: text(wire.name.trim_start_matches('/')),
        image: ImageId::of_engine(&wire.image).ok(),
        image_name: text(&wire.config.image),
        created_ms: time::ms(&wire.created),
        owner: Owner::of_labels(&wire.config.labels),
        state: state(&wire.state),
        settings: ContainerSettings { devices, ..settings(wire.config, wire.host_config, wire.mounts) },
    })
}

fn text(said: &str) -> String {
    Message::new(said).as_str().to_owned()
}

// While it runs, Docker repeats how it ended the last time.
fn state(wire: &WireState) -> ContainerState {
    let status = ContainerStatus::of_engine(&wire.status);
    let started_ms = time::ms(&wire.started_at);
    let has_ended = !status.is_alive() && started_ms.is_some();
    ContainerState {
        status,
        started_ms,
        finished_ms: time::ms(&wire.finished_at).filter(|_| has_ended),
        exit_code: has_ended.then_some(wire.exit_code),
        oom_killed: wire.oom_killed,
        error: Message::new(&wire.error),
    }
}

fn settings(config: Config, host: HostConfig, mounts: Vec<Mount>) -> ContainerSettings {
    let variables = config.env.iter().filter_map(|line| line.split_once('='));
    ContainerSettings {
        environment: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        terminal: config.tty,
        cpu_milli: cpu_milli(&host),
        memory: Some(host.memory).filter(|bytes| *bytes > 0),
        shm: Some(host.shm_size).filter(|bytes| *bytes > 0),
        pids: u64::try_from(host.pids_limit).ok().filter(|limit| *limit > 0),
        disk: host.storage_opt.get("size").and_then(|size| size.parse().ok()),
        init: host.init,
        log: log_bytes(&host.log_config),
        privileged: host.privileged,
        devices: Evidence::default(),
        mounts: mounts.into_iter().map(mounted).collect(),
        ports: published(&host.port_bindings),
        host_namespaces: host_namespaces(&host),
        added_capabilities: host.cap_add.into_iter().collect(),
        runtime: host.runtime,
        restart_policy: Some(host.restart_policy.name).filter(|name| name != "no").unwrap_or_default(),
    }
}

fn requests(host: &HostConfig) -> Evidence {
    let requests = &host.device_requests;
    Evidence::Requests {
        names: requests.iter().flat_map(|request| request.device_ids.iter().cloned()).collect(),
        are_counted: requests.iter().any(|request| request.count != 0),
    }
}

fn files(host: &HostConfig) -> Evidence {
    let path = |device: &Device| match device.in_container.as_str() {
        "" => device.on_host.clone(),
        path => path.to_owned(),
    };
    Evidence::Files(host.devices.iter().map(path).collect())
}

// Podman says it by quota and period.
fn cpu_milli(host: &HostConfig) -> Option<u32> {
    let milli = match (host.nano_cpus, u64::try_from(host.cpu_quota).unwrap_or_default(), host.cpu_period) {
        (0, quota, period @ 1..) => quota.saturating_mul(1000).div_ceil(period),
        (nano, ..) => nano / 1_000_000,
    };
    u32::try_from(milli).ok().filter(|milli| *milli > 0)
}

fn log_bytes(log: &LogConfig) -> Option<u64> {
    let files = log.config.get("max-file").and_then(|files| files.parse::<u64>().ok()).unwrap_or(1);
    let size = log.config.get("max-size").map_or(log.size.as_str(), String::as_str);
    bytes(size).map(|size| size.saturating_mul(files))
}

// `20m` as Docker is told it, `62.91MB` as Podman says it.
fn bytes(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let digits = text.find(|character: char| !character.is_ascii_digit() && character != '.')?;
    let number: f64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        _ => return None,
    };
    let bytes = number * unit;
    // From here on a `f64` has no fractions, and a log is smaller.
    (1.0..9e15).contains(&bytes).then_some(bytes as u64)
}

fn mounted(mount: Mount) -> (String, ContainerMount) {
    let is_volume = mount.r#type == "volume";
    let source = if is_volume { mount.name } else { mount.source };
    (mount.destination, ContainerMount { source, is_volume, is_writable: mount.is_writable })
}

fn published(bindings: &BTreeMap<String, Option<Vec<PortBinding>>>) -> BTreeSet<Publish> {
    let mut ports = BTreeSet::new();
    for (container, bound) in bindings {
        let Some(container) = container.split('/').next().and_then(|port| port.parse().ok()) else {
            continue;
        };
        for binding in bound.iter().flatten() {
            let address =
                binding.host_ip.parse().ok().filter(|address: &std::net::IpAddr| !address.is_unspecified());
            ports.extend(binding.host_port.parse().ok().map(|host| Publish { container, host, address }));
        }
    }
    ports
}

fn host_namespaces(host: &HostConfig) -> BTreeSet<&'static str> {
    [
        ("network", &host.network_mode),
        ("pid", &host.pid_mode),
        ("ipc", &host.ipc_mode),
        ("uts", &host.uts_mode),
        ("user", &host.userns_mode),
    ]
    .into_iter()
    .filter_map(|(name, mode)| (mode == "host").then_some(name))
    .collect()
}
