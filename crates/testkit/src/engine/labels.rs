//! Which things a filter is about.

use serde_json::Value;

/// Whether these labels are what `filters` asks for.
pub(crate) fn has_labels(labels: &Value, filters: &str) -> bool {
    let filters: Value = serde_json::from_str(filters).unwrap_or_default();
    let wanted = filters["label"].as_array().cloned().unwrap_or_default();
    wanted.iter().filter_map(Value::as_str).all(|wanted| {
        let (name, value) = wanted.split_once('=').unwrap_or((wanted, ""));
        labels[name] == value
    })
}
