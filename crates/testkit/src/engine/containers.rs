//! Starts, ends and removes containers.

use serde_json::json;

use super::{context::Context, dialect::Dialect, record::RecordStatus, reply::Reply};

/// A verb of a container.
pub(crate) fn act(context: &mut Context<'_>, name: &str, verb: &str) -> Reply {
    if context.state.container(name).is_none() {
        return context.no_such_container(name);
    }
    match verb {
        "start" => start(context, name),
        "stop" => stop(context, name),
        "kill" => kill(context, name),
        "rename" => rename(context, name),
        _ => Reply::new(404, "text/plain; charset=utf-8", "404 page not found\n"),
    }
}

fn start(context: &mut Context<'_>, name: &str) -> Reply {
    let (now_ms, drops_devices) = (context.state.now_ms(), context.state.drops_devices);
    let Some(record) = context.state.container(name) else { return context.no_such_container(name) };
    if record.life.status == RecordStatus::Running {
        return Reply::empty(304);
    }
    if drops_devices {
        record.cdi.clear();
        record.host_config["DeviceRequests"] = json!(null);
    }
    record.life.status = RecordStatus::Running;
    record.life.started_ms = Some(now_ms);
    record.life.exit_code = 0;
    context.state.tell(name, "start", context.shared.dialect);
    Reply::empty(204)
}

fn stop(context: &mut Context<'_>, name: &str) -> Reply {
    let now_ms = context.state.now_ms();
    let Some(record) = context.state.container(name) else { return context.no_such_container(name) };
    if record.life.status != RecordStatus::Running {
        return Reply::empty(304);
    }
    // Nobody answers whoever waits for it.
    if record.life.is_stuck {
        return Reply::stream("", Box::pin(futures_util::stream::pending()));
    }
    record.end(143, now_ms);
    context.state.tell(name, "die", context.shared.dialect);
    Reply::empty(204)
}

fn kill(context: &mut Context<'_>, name: &str) -> Reply {
    let now_ms = context.state.now_ms();
    let dialect = context.shared.dialect;
    let Some(record) = context.state.container(name) else { return context.no_such_container(name) };
    if record.life.status != RecordStatus::Running {
        let id = record.id.clone();
        let status = if dialect == Dialect::Podman4 { 500 } else { 409 };
        return context.error(
            status,
            &match dialect.is_podman() {
                true => format!(
                    "can only kill running containers. {id} is in state exited: container state improper"
                ),
                false => format!("Cannot kill container: {name}: Container {id} is not running"),
            },
        );
    }
    if !record.life.is_stuck {
        record.end(137, now_ms);
        context.state.tell(name, "die", dialect);
    }
    Reply::empty(204)
}

fn rename(context: &mut Context<'_>, name: &str) -> Reply {
    let wanted = context.call.value("name").to_owned();
    if context.state.containers.iter().any(|record| record.name == wanted) {
        return context.error(409, &format!("Conflict. The container name \"/{wanted}\" is already in use"));
    }
    if let Some(record) = context.state.container(name) {
        record.name = wanted;
    }
    Reply::empty(204)
}

pub(crate) fn remove(context: &mut Context<'_>, name: &str) -> Reply {
    let Some(record) = context.state.container(name) else { return context.no_such_container(name) };
    let (id, is_running) = (record.id.clone(), record.life.status == RecordStatus::Running);
    if is_running && !matches!(context.call.value("force"), "true" | "1") {
        return context.error(409, &format!("You cannot remove a running container {id}."));
    }
    context.state.tell(&id, "destroy", context.shared.dialect);
    context.state.containers.retain(|record| record.id != id);
    Reply::empty(204)
}
