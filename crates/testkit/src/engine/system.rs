//! The engine about itself.

use serde_json::{Value, json};

use super::{context::Context, dialect::Dialect, reply::Reply, state::image_id};

/// A version that the engine does not speak.
pub(crate) fn refuse_version(context: &Context<'_>) -> Option<Reply> {
    let asked = minor(&context.call.version)?;
    let newest = minor(context.shared.dialect.api())?;
    let is_too_new = !context.shared.dialect.is_podman() && asked > newest;
    is_too_new.then(|| {
        let (asked, newest) = (&context.call.version, context.shared.dialect.api());
        let text = format!("client version {asked} is too new. Maximum supported API version is {newest}");
        context.error(400, &text)
    })
}

fn minor(version: &str) -> Option<u32> {
    version.split_once('.')?.1.parse().ok()
}

pub(crate) fn info(context: &Context<'_>) -> Reply {
    let dialect = context.shared.dialect;
    let mut info = json!({
        "ID": format!("{:?}", dialect), "Name": "node-1", "NCPU": 8, "MemTotal": 64_u64 << 30,
        "OperatingSystem": "Debian GNU/Linux 12 (bookworm)", "OSType": "linux", "Architecture": "x86_64",
        "KernelVersion": "6.1.0", "ServerVersion": dialect.release(), "CgroupVersion": "2",
        "DockerRootDir": "/var/lib/docker", "DefaultRuntime": "runc",
        "Runtimes": {"runc": {"path": "runc"}, "io.containerd.runc.v2": {"path": "runc"}},
        "SecurityOptions": ["name=seccomp,profile=default"], "Warnings": null,
    });
    info["Driver"] = json!(match dialect {
        Dialect::Docker20 => "overlay2",
        Dialect::Docker28 => "overlayfs",
        Dialect::Podman4 | Dialect::Podman5 => "overlay",
    });
    info["DriverStatus"] = match dialect {
        Dialect::Docker28 => json!([["driver-type", "io.containerd.snapshotter.v1"]]),
        _ => json!([["Backing Filesystem", "extfs"]]),
    };
    if dialect == Dialect::Docker28 {
        info["CDISpecDirs"] = json!(["/etc/cdi", "/var/run/cdi"]);
        info["DiscoveredDevices"] = Value::Null;
    }
    if dialect.is_podman() {
        info["Rootless"] = json!(false);
    }
    for (name, value) in &context.state.info {
        info[name] = value.clone();
    }
    Reply::ok(&info)
}

pub(crate) fn libpod_info() -> Reply {
    let store = json!({"graphRootAllocated": 100_u64 << 30, "graphRootUsed": 40_u64 << 30});
    Reply::ok(&json!({"host": {}, "store": store}))
}

pub(crate) fn usage(context: &Context<'_>) -> Reply {
    let all: u64 = context.state.images.values().flat_map(|offer| &offer.layers).sum();
    // Podman counts no layers.
    let layers = if context.shared.dialect.is_podman() { 0 } else { all };
    let images = context.state.images.iter();
    let images: Vec<Value> = images
        .map(|(name, offer)| json!({"Id": image_id(name), "Size": offer.layers.iter().sum::<u64>()}))
        .collect();
    let containers: Vec<Value> =
        context.state.containers.iter().map(|record| json!({"Id": record.id, "SizeRw": 1000})).collect();
    let volumes = context.state.volumes.keys().map(|name| json!({"Name": name, "UsageData": {"Size": -1}}));
    let volumes: Vec<Value> = volumes.collect();
    Reply::ok(&json!({"LayersSize": layers, "Images": images, "Containers": containers, "Volumes": volumes}))
}
