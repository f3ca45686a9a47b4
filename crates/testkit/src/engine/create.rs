//! New containers, in both words.

use std::collections::BTreeSet;

use entrepot_oci::ImageRef;
use serde_json::{Map, Value, json};

use super::{
    context::Context,
    dialect::Dialect,
    images,
    record::{Life, Record},
    reply::Reply,
    state::image_id,
};

/// In Docker's words. Podman takes them too, and ignores some.
pub(crate) fn docker(context: &mut Context<'_>) -> Reply {
    let body = &context.call.body;
    let mut config = body.clone();
    config.as_object_mut().map(|config| config.remove("HostConfig"));
    let host_config = body["HostConfig"].clone();
    let cdi = cdi_of_requests(&host_config, context.shared.dialect);
    let mounts = list(&host_config["Mounts"]);
    for mount in mounts.iter().filter(|mount| mount["Type"] == "bind") {
        let source = text(&mount["Source"]);
        if context.state.missing_paths.contains(&source) {
            // Podman makes what is missing.
            if !context.shared.dialect.is_podman() {
                let message = format!(
                    "invalid mount config for type \"bind\": bind source path does not exist: {source}"
                );
                return context.error(400, &message);
            }
            context.state.made_paths.insert(source);
        }
    }
    let mounts = mounts.iter().map(|mount| mounted(mount, "Target", mount["ReadOnly"] != true)).collect();
    let name = context.call.value("name").to_owned();
    add(context, NewContainer { name, config, host_config, mounts, cdi })
}

// Podman before 5.4 does not look at them.
fn cdi_of_requests(host_config: &Value, dialect: Dialect) -> BTreeSet<String> {
    if dialect == Dialect::Podman4 {
        return BTreeSet::new();
    }
    let requests = list(&host_config["DeviceRequests"]);
    let of_cdi = requests.iter().filter(|request| request["Driver"] == "cdi");
    of_cdi.flat_map(|request| list(&request["DeviceIDs"])).map(|name| text(&name)).collect()
}

/// In Podman's own words.
pub(crate) fn libpod(context: &mut Context<'_>) -> Reply {
    let body = &context.call.body;
    let environment = body["env"].as_object().cloned().unwrap_or_default();
    let environment = environment.iter().map(|(name, value)| format!("{name}={}", text(value)));
    let config = json!({
        "Image": body["image"], "Env": environment.collect::<Vec<_>>(), "Cmd": body["command"],
        "Entrypoint": body["entrypoint"], "Tty": body["terminal"], "OpenStdin": body["stdin"],
        "Labels": body["labels"], "StopTimeout": body["stop_timeout"],
    });
    let limits = &body["resource_limits"];
    let host_config = json!({
        "CpuQuota": limits["cpu"]["quota"], "CpuPeriod": limits["cpu"]["period"], "NanoCpus": 0,
        "Memory": limits["memory"]["limit"], "PidsLimit": limits["pids"]["limit"], "ShmSize": body["shm_size"],
        "Init": body["init"], "RestartPolicy": {"Name": body["restart_policy"], "MaximumRetryCount": 0},
        "LogConfig": {"Type": body["log_configuration"]["driver"], "Config": null,
                      "Size": format!("{}b", body["log_configuration"]["size"])},
        "NetworkMode": body["netns"]["nsmode"].as_str().unwrap_or("bridge"), "Runtime": "oci",
        "Privileged": false, "PortBindings": bindings(&body["portmappings"]),
    });
    for mount in list(&body["mounts"]) {
        let source = text(&mount["source"]);
        if context.state.missing_paths.contains(&source) {
            return context.error(500, &format!("statfs {source}: no such file or directory"));
        }
    }
    let binds = list(&body["mounts"]);
    let binds = binds.iter().map(|mount| {
        let is_writable = !list(&mount["options"]).contains(&json!("ro"));
        json!({"Type": "bind", "Source": mount["source"], "Destination": mount["destination"], "RW": is_writable})
    });
    let volumes = list(&body["volumes"]);
    let volumes = volumes.iter().map(|volume| {
        json!({"Type": "volume", "Name": volume["Name"], "Source": "/var/lib/volumes", "Destination": volume["Dest"], "RW": true})
    });
    let mounts = binds.chain(volumes).collect();
    let cdi = list(&body["devices"]).iter().map(|device| text(&device["path"])).collect();
    let name = text(&body["name"]);
    add(context, NewContainer { name, config, host_config, mounts, cdi })
}

fn bindings(mappings: &Value) -> Value {
    let mut bindings = Map::new();
    for mapping in list(mappings) {
        let port = format!("{}/tcp", mapping["container_port"]);
        let binding = json!({"HostIp": mapping["host_ip"], "HostPort": mapping["host_port"].to_string()});
        let bound = bindings.entry(port).or_insert_with(|| json!([]));
        bound.as_array_mut().unwrap().push(binding);
    }
    Value::Object(bindings)
}

fn mounted(mount: &Value, target: &str, is_writable: bool) -> Value {
    let mut made = json!({"Type": mount["Type"], "Destination": mount[target], "RW": is_writable});
    match mount["Type"].as_str() {
        Some("volume") => {
            made["Name"] = mount["Source"].clone();
            made["Source"] = json!("/var/lib/volumes");
        }
        _ => made["Source"] = mount["Source"].clone(),
    }
    made
}

/// A container before it is kept.
struct NewContainer {
    name: String,
    config: Value,
    host_config: Value,
    mounts: Vec<Value>,
    cdi: BTreeSet<String>,
}

fn add(context: &mut Context<'_>, new: NewContainer) -> Reply {
    let NewContainer { name, mut config, mut host_config, mounts, cdi } = new;
    let image = text(&config["Image"]);
    let held = image.parse().ok().map(|image: ImageRef| image.to_string());
    let Some((reference, offer)) = held.and_then(|image| context.state.images.get_key_value(&image)) else {
        return images::missing(context, &image);
    };
    let image_id = image_id(reference);
    let of_image = offer.environment.clone();
    if context.state.containers.iter().any(|record| record.name == name) {
        return context
            .error(if context.shared.dialect.is_podman() { 500 } else { 409 }, &in_use(context, &name));
    }
    let mut environment = list(&config["Env"]);
    let is_set = |environment: &[Value], name: &str| {
        environment.iter().any(|line| text(line).split('=').next() == Some(name))
    };
    for (name, value) in of_image {
        if !is_set(&environment, &name) {
            environment.push(json!(format!("{name}={value}")));
        }
    }
    config["Env"] = Value::Array(environment);
    if context.state.drops_limits {
        host_config["Memory"] = json!(0);
        host_config["PidsLimit"] = Value::Null;
    }
    for mount in mounts.iter().filter(|mount| mount["Type"] == "volume") {
        context.state.volumes.entry(text(&mount["Name"])).or_insert_with(|| json!({}));
    }
    let (id, created_ms) = (context.state.next_id(), context.state.now_ms());
    context.state.containers.push(Record {
        id: id.clone(),
        name,
        image_id,
        created_ms,
        config,
        host_config,
        mounts: Value::Array(mounts),
        cdi,
        life: Life::default(),
    });
    Reply::json(201, &json!({"Id": id, "Warnings": []}))
}

fn in_use(context: &Context<'_>, name: &str) -> String {
    let holder = context.state.containers.iter().find(|record| record.name == name);
    let id = holder.map(|record| record.id.as_str()).unwrap_or_default();
    match context.shared.dialect.is_podman() {
        true => format!(
            "creating container storage: the container name \"{name}\" is already in use by {id}. You have to remove \
             that container to be able to reuse that name: that name is already in use"
        ),
        false => format!(
            "Conflict. The container name \"/{name}\" is already in use by container \"{id}\". You have to remove (or \
             rename) that container to be able to reuse that name."
        ),
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
