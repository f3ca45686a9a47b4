//! What the engine says while it pulls, as recorded of real ones.

use std::io;

use bytes::Bytes;
use entrepot_oci::Digest;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{dialect::Dialect, offer::PullableImage, reply::Reply, state::EngineState};

/// How often a layer is reported while it arrives.
const STEPS: u64 = 4;

/// Pulls what is offered. It is there at once; only what is said about it takes time.
pub(crate) fn pull(
    dialect: Dialect,
    state: &mut EngineState,
    reference: String,
    image: PullableImage,
) -> Reply {
    let has_it = state.images.contains_key(&reference);
    let lines: Vec<String> = match dialect {
        _ if image.is_recorded && !has_it => dialect.recorded().lines().map(str::to_owned).collect(),
        Dialect::Docker20 => written(&classic(&reference, &image, has_it)),
        Dialect::Docker28 => written(&containerd(&reference, &image, has_it)),
        Dialect::Podman4 | Dialect::Podman5 => written(&podman(&reference, &image, has_it)),
    };
    let gate = image.gate.clone();
    state.images.insert(reference, image);
    let (before, after) = lines.split_at(lines.len() / 2);
    let (before, after) = (joined(before), joined(after));
    let held = stream::once(async move {
        if let Some(gate) = gate {
            gate.pass().await;
        }
        io::Result::Ok(after)
    });
    Reply::stream("application/json", Box::pin(stream::once(async { Ok(before) }).chain(held)))
}

fn written(lines: &[Value]) -> Vec<String> {
    lines.iter().map(Value::to_string).collect()
}

fn joined(lines: &[String]) -> Bytes {
    lines.iter().map(|line| format!("{line}\r\n")).collect::<String>().into()
}

fn layer_id(reference: &str, position: usize) -> String {
    let digest = Digest::of(format!("{reference} {position}").as_bytes());
    digest.hex()[..12].to_owned()
}

fn line(status: &str, detail: &Value, id: &str) -> Value {
    json!({"status": status, "progressDetail": detail, "id": id})
}

fn downloads(id: &str, size: u64) -> impl Iterator<Item = Value> {
    let of = move |step| line("Downloading", &json!({"current": size * step / STEPS, "total": size}), id);
    (1..=STEPS).map(of)
}

fn classic(reference: &str, image: &PullableImage, has_it: bool) -> Vec<Value> {
    let (name, tag) = reference.rsplit_once([':', '@']).unwrap_or((reference, "latest"));
    let mut lines = vec![json!({"status": format!("Pulling from {name}"), "id": tag})];
    for (position, size) in image.layers.iter().enumerate() {
        let id = layer_id(reference, position);
        if has_it {
            lines.push(line("Already exists", &json!({}), &id));
            continue;
        }
        lines.push(line("Pulling fs layer", &json!({}), &id));
        lines.push(line("Waiting", &json!({}), &id));
        lines.extend(downloads(&id, *size));
        lines.push(line("Verifying Checksum", &json!({}), &id));
        lines.push(line("Download complete", &json!({}), &id));
        lines.push(line("Extracting", &json!({"current": size, "total": size}), &id));
        lines.push(line("Pull complete", &json!({}), &id));
    }
    lines.push(json!({"status": format!("Digest: {}", Digest::of(reference.as_bytes()))}));
    lines.push(json!({"status": format!("Status: Downloaded newer image for {reference}")}));
    lines
}

fn containerd(reference: &str, image: &PullableImage, has_it: bool) -> Vec<Value> {
    let (_, tag) = reference.rsplit_once([':', '@']).unwrap_or((reference, "latest"));
    let mut lines = vec![json!({"status": format!("Pulling from {reference}"), "id": tag})];
    for (position, size) in image.layers.iter().enumerate() {
        let id = layer_id(reference, position);
        if has_it {
            lines.push(line("Already exists", &json!({}), &id));
            continue;
        }
        lines.push(line("Pulling fs layer", &json!({}), &id));
        lines.extend(downloads(&id, *size));
        lines.push(line("Download complete", &json!({"hidecounts": true}), &id));
        lines.push(line("Extracting", &json!({"current": 1, "units": "s"}), &id));
        lines.push(line("Pull complete", &json!({"hidecounts": true}), &id));
    }
    lines.push(json!({"status": format!("Digest: {}", Digest::of(reference.as_bytes()))}));
    lines.push(json!({"status": format!("Status: Downloaded newer image for {reference}")}));
    lines
}

fn podman(reference: &str, image: &PullableImage, has_it: bool) -> Vec<Value> {
    let mut lines = Vec::new();
    for (position, size) in image.layers.iter().enumerate() {
        let id = layer_id(reference, position);
        if has_it {
            lines.push(line("Already exists", &json!({}), &id));
            continue;
        }
        lines.push(line("Pulling fs layer", &json!({}), &id));
        lines.extend(downloads(&id, *size));
        lines.push(line("Download complete", &json!({}), &id));
    }
    let id = Digest::of(reference.as_bytes()).hex();
    lines.push(line("Download complete", &json!({}), &id[..12]));
    lines
}
