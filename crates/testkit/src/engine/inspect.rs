//! Containers as the engine describes them.

use serde_json::{Value, json};

use super::{
    context::Context,
    dialect::Dialect,
    labels::has_labels,
    record::{Record, RecordStatus},
    reply::Reply,
    state::written,
};

pub(crate) fn look(context: &mut Context<'_>, name: &str) -> Reply {
    let dialect = context.shared.dialect;
    match context.state.container(name) {
        Some(record) => Reply::ok(&described(record, dialect)),
        None => context.no_such_container(name),
    }
}

fn described(record: &Record, dialect: Dialect) -> Value {
    let life = &record.life;
    let mut host_config = record.host_config.clone();
    if dialect.is_podman() {
        host_config["Devices"] = match life.status {
            RecordStatus::Created => json!([]),
            RecordStatus::Running | RecordStatus::Exited => {
                record.cdi.iter().map(|name| device(name)).collect()
            }
        };
    }
    json!({
        "Id": record.id, "Name": format!("/{}", record.name), "Image": record.image_id,
        "Created": written(Some(record.created_ms), dialect), "RestartCount": 0,
        "State": {
            "Status": life.status.word(), "Running": life.status == RecordStatus::Running, "Pid": 4711,
            "ExitCode": life.exit_code, "OOMKilled": life.oom_killed, "Error": "",
            "StartedAt": written(life.started_ms, dialect), "FinishedAt": written(life.finished_ms, dialect),
        },
        "Config": record.config, "HostConfig": host_config, "Mounts": record.mounts,
    })
}

// What a specification makes of a name.
fn device(name: &str) -> Value {
    let path = format!("/dev/{}", name.rsplit('=').next().unwrap_or_default());
    json!({"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rwm"})
}

pub(crate) fn list(context: &Context<'_>) -> Reply {
    let (all, filters) = (context.call.value("all"), context.call.value("filters"));
    let is_listed = |record: &&Record| {
        (matches!(all, "true" | "1") || record.life.status == RecordStatus::Running)
            && has_labels(record.labels(), filters)
    };
    let listed = context.state.containers.iter().filter(is_listed).map(|record| {
        json!({
            "Id": record.id, "Names": [format!("/{}", record.name)], "Image": record.config["Image"],
            "ImageID": record.image_id, "Labels": record.labels(), "State": record.life.status.word(),
            "Status": "as it is", "Created": record.created_ms / 1000,
        })
    });
    Reply::ok(&Value::Array(listed.collect()))
}
