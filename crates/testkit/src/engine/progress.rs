//! What the engine says while it pulls, as recorded of real ones.

use std::io;

use bytes::Bytes;
use entrepot_oci::{Digest, ImageRef};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{
    dialect::Dialect,
    offer::{Offer, Refusal},
    reply::Reply,
    state::State,
};

/// How often a layer is reported while it arrives.
const STEPS: u64 = 4;

/// Pulls what is offered. It is there at once; only what is said about it takes time.
pub(crate) fn pull(dialect: Dialect, state: &mut State, reference: String, offer: Offer) -> Reply {
    let has_it = state.images.contains_key(&reference);
    let lines = match dialect {
        Dialect::Docker20 => classic(&reference, &offer, has_it),
        Dialect::Docker28 => containerd(&reference, &offer, has_it),
        Dialect::Podman4 | Dialect::Podman5 => podman(&reference, &offer, has_it),
    };
    let gate = offer.gate.clone();
    state.images.insert(reference, offer);
    let (before, after) = lines.split_at(lines.len() / 2);
    let (before, after) = (written(before), written(after));
    let held = stream::once(async move {
        if let Some(gate) = gate {
            gate.pass().await;
        }
        io::Result::Ok(after)
    });
    Reply::stream("application/json", Box::pin(stream::once(async { Ok(before) }).chain(held)))
}

fn written(lines: &[Value]) -> Bytes {
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

fn classic(reference: &str, offer: &Offer, has_it: bool) -> Vec<Value> {
    let (name, tag) = reference.rsplit_once([':', '@']).unwrap_or((reference, "latest"));
    let mut lines = vec![json!({"status": format!("Pulling from {name}"), "id": tag})];
    for (position, size) in offer.layers.iter().enumerate() {
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

fn containerd(reference: &str, offer: &Offer, has_it: bool) -> Vec<Value> {
    let (_, tag) = reference.rsplit_once([':', '@']).unwrap_or((reference, "latest"));
    let mut lines = vec![json!({"status": format!("Pulling from {reference}"), "id": tag})];
    for (position, size) in offer.layers.iter().enumerate() {
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

fn podman(reference: &str, offer: &Offer, has_it: bool) -> Vec<Value> {
    let mut lines = Vec::new();
    for (position, size) in offer.layers.iter().enumerate() {
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

/// Refuses in the engine's words: before the answer begins, or within it.
pub(crate) fn refuse(dialect: Dialect, image: &ImageRef, refusal: Refusal) -> Reply {
    let (status, text) = match dialect {
        Dialect::Docker20 => docker20(image, refusal),
        Dialect::Docker28 => docker28(image, refusal),
        Dialect::Podman4 | Dialect::Podman5 => podman_says(image, refusal),
    };
    match status {
        Some(status) => Reply::error(dialect, status, &text),
        None => {
            let error = json!({"errorDetail": {"message": text}, "error": text});
            Reply::new(200, "application/json", format!("{error}\r\n"))
        }
    }
}

fn docker20(image: &ImageRef, refusal: Refusal) -> (Option<u16>, String) {
    let host = image.host();
    match refusal {
        Refusal::NotFound => {
            (Some(404), format!("manifest for {image} not found: manifest unknown: manifest unknown"))
        }
        Refusal::Denied => (Some(500), "denied".to_owned()),
        Refusal::RateLimited => {
            (Some(500), "toomanyrequests: You have reached your pull rate limit.".to_owned())
        }
        Refusal::Tls => {
            (Some(500), format!("Get \"https://{host}/v2/\": x509: certificate signed by unknown authority"))
        }
        Refusal::DiskFull => {
            (None, "write /var/lib/docker/tmp/GetImageBlob1: no space left on device".to_owned())
        }
        Refusal::Platform => {
            (Some(404), "no matching manifest for linux/amd64 in the manifest list entries".to_owned())
        }
        Refusal::Registry => {
            (Some(500), "received unexpected HTTP status: 500 Internal Server Error".to_owned())
        }
        Refusal::Network => {
            (Some(500), format!("Get \"http://{host}/v2/\": dial tcp {host}: connect: connection refused"))
        }
    }
}

fn docker28(image: &ImageRef, refusal: Refusal) -> (Option<u16>, String) {
    let host = image.host();
    let head = format!("failed to resolve reference \"{image}\"");
    match refusal {
        Refusal::NotFound => (Some(404), format!("{head}: {image}: not found")),
        Refusal::Denied => (
            Some(404),
            format!(
                "pull access denied for {image}, repository does not exist or may require 'docker login': denied: \
                 requested access to the resource is denied"
            ),
        ),
        Refusal::RateLimited => {
            (Some(500), format!("{head}: unexpected status from HEAD request: 429 Too Many Requests"))
        }
        Refusal::Tls => (
            Some(500),
            format!(
                "{head}: failed to do request: tls: failed to verify certificate: x509: certificate signed by unknown authority"
            ),
        ),
        Refusal::DiskFull => {
            (None, "failed to copy: write /var/lib/containerd/x: no space left on device".to_owned())
        }
        Refusal::Platform => (None, "no match for platform in manifest: not found".to_owned()),
        Refusal::Registry => (
            Some(500),
            format!(
                "{head}: unexpected status from HEAD request to http://{host}/v2/: 500 Internal Server Error"
            ),
        ),
        Refusal::Network => {
            (Some(500), format!("{head}: failed to do request: dial tcp {host}: connect: connection refused"))
        }
    }
}

fn podman_says(image: &ImageRef, refusal: Refusal) -> (Option<u16>, String) {
    let (host, repository) = (image.host(), image.repository());
    let head = format!("initializing source docker://{image}: reading manifest in {host}/{repository}");
    match refusal {
        Refusal::NotFound => (Some(500), format!("{head}: manifest unknown")),
        Refusal::Denied => (Some(500), format!("{head}: denied")),
        Refusal::RateLimited => (Some(500), format!("{head}: toomanyrequests: slow down")),
        Refusal::Tls => (
            Some(500),
            format!(
                "initializing source docker://{image}: pinging container registry {host}: x509: certificate signed by unknown authority"
            ),
        ),
        Refusal::DiskFull => (None, "writing blob: storing blob to file: no space left on device".to_owned()),
        Refusal::Platform => (
            Some(500),
            format!(
                "choosing an image from manifest list docker://{image}: no image found in manifest list for architecture amd64, variant \"\", OS linux"
            ),
        ),
        Refusal::Registry => {
            (Some(500), format!("{head}: received unexpected HTTP status: 500 Internal Server Error"))
        }
        Refusal::Network => (
            Some(500),
            format!(
                "initializing source docker://{image}: pinging container registry {host}: dial tcp: connect: connection refused"
            ),
        ),
    }
}
