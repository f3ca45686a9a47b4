//! Volumes.

use serde_json::{Value, json};

use super::{context::Context, labels::has_labels, reply::Reply};

pub(crate) fn create(context: &mut Context<'_>) -> Reply {
    let name = context.call.body["Name"].as_str().unwrap_or_default().to_owned();
    let labels = context.call.body["Labels"].clone();
    let labels = context.state.volumes.entry(name.clone()).or_insert(labels);
    Reply::json(201, &json!({"Name": name, "Driver": "local", "Scope": "local", "Labels": labels}))
}

pub(crate) fn list(context: &Context<'_>) -> Reply {
    let asked = context.call.value("filters");
    let found = context.state.volumes.iter().filter(|(_, labels)| has_labels(labels, asked));
    let found: Vec<Value> = found.map(|(name, labels)| json!({"Name": name, "Labels": labels})).collect();
    Reply::ok(&json!({"Volumes": found, "Warnings": null}))
}

pub(crate) fn remove(context: &mut Context<'_>, name: &str) -> Reply {
    if !context.state.volumes.contains_key(name) {
        let text = match context.shared.dialect.is_podman() {
            true => format!("no volume with name \"{name}\" found: no such volume"),
            false => format!("get {name}: no such volume"),
        };
        return context.error(404, &text);
    }
    let is_mounted = |mount: &Value| mount["Type"] == "volume" && mount["Name"] == name;
    let mounts = context.state.containers.iter().filter_map(|record| record.mounts.as_array());
    if mounts.flatten().any(is_mounted) {
        return context.error(409, &format!("remove {name}: volume is in use"));
    }
    context.state.volumes.remove(name);
    Reply::empty(204)
}
