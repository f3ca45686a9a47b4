//! What is told about containers.

use serde_json::{Value, json};

use super::{dialect::Dialect, record::Record};

/// What is told about a container.
pub(crate) fn about(record: &Record, action: &str, now_ms: i64, dialect: Dialect) -> Value {
    let mut attributes = record.labels().clone();
    if !attributes.is_object() {
        attributes = json!({});
    }
    attributes["name"] = json!(record.name);
    attributes["image"] = record.config["Image"].clone();
    let action = if dialect.is_podman() && action == "destroy" { "remove" } else { action };
    json!({
        "Type": "container", "Action": action, "Actor": {"ID": record.id, "Attributes": attributes}, "scope": "local",
        "time": now_ms / 1000, "timeNano": now_ms * 1_000_000,
    })
}
