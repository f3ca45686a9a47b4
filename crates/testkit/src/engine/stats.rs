//! What containers use.

use serde_json::{Value, json};

use super::{context::Context, record::RecordStatus, reply::Reply, state::written};

pub(crate) fn read(context: &mut Context<'_>, name: &str) -> Reply {
    let (now_ms, dialect) = (context.state.now_ms(), context.shared.dialect);
    let Some(record) = context.state.container(name) else { return context.no_such_container(name) };
    let (usage, limit) = (record.life.usage, record.host_config["Memory"].clone());
    if record.life.status != RecordStatus::Running {
        if dialect.is_podman() {
            return Reply::empty(200);
        }
        return Reply::ok(&json!({
            "read": "0001-01-01T00:00:00Z", "preread": "0001-01-01T00:00:00Z", "pids_stats": {}, "memory_stats": {},
            "cpu_stats": {"cpu_usage": {"total_usage": 0}}, "precpu_stats": {"cpu_usage": {"total_usage": 0}},
        }));
    }
    // What Podman says before is nothing, and what it says of files neither.
    let files = if dialect.is_podman() { Value::Null } else { json!({"inactive_file": usage.inactive_file}) };
    Reply::ok(&json!({
        "read": written(Some(now_ms), dialect), "preread": "0001-01-01T00:00:00Z", "pids_stats": {"current": 3},
        "cpu_stats": {"cpu_usage": {"total_usage": usage.cpu_ns}, "system_cpu_usage": 1, "online_cpus": 8},
        "precpu_stats": {"cpu_usage": {"total_usage": 0}, "online_cpus": 0},
        "memory_stats": {"usage": usage.memory, "limit": limit, "stats": files},
    }))
}
