//! Docker's manifest format: media types of the distribution project (manifest v2, schema 2), without fields it does
//! not know.

use std::sync::Arc;

use entrepot_oci::{Descriptor, MediaType};
use serde_json::{Value, json};

use super::node::{ManifestNode, ShapeError};

const CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// An image's manifest. Config and layers are unchanged, under other media types.
pub(super) fn image(node: &ManifestNode) -> Result<ManifestNode, ShapeError> {
    let config = node.manifest.config().filter(|config| is_config(&config.media_type));
    let config = config.ok_or_else(|| {
        let kind = node.manifest.artifact_type().unwrap_or(node.media_type().as_str());
        ShapeError::NotAnImage(kind.to_owned())
    })?;
    let layers = node.manifest.blobs().skip(1).map(|layer| Ok(descriptor(layer, layer_type(layer)?)));
    let document = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::DOCKER_MANIFEST.as_str(),
        "config": descriptor(config, CONFIG),
        "layers": layers.collect::<Result<Vec<Value>, ShapeError>>()?,
    });
    ManifestNode::made(&document, &MediaType::DOCKER_MANIFEST, Vec::new())
}

/// A manifest list of these entries of an index.
pub(super) fn index(
    node: &ManifestNode,
    kept: Vec<(usize, Arc<ManifestNode>)>,
) -> Result<ManifestNode, ShapeError> {
    let source: Value = serde_json::from_slice(&node.bytes)?;
    let (mut entries, mut children) = (Vec::new(), Vec::new());
    for (index, child) in kept {
        let mut entry = json!({
            "mediaType": child.media_type().as_str(),
            "size": child.bytes.len(),
            "digest": child.digest,
        });
        // Copied from the source, including unknown fields.
        let platform = &source["manifests"][index]["platform"];
        if !platform.is_null() {
            entry["platform"] = platform.clone();
        }
        entries.push(entry);
        children.push(child);
    }
    let document = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::DOCKER_LIST.as_str(),
        "manifests": entries,
    });
    ManifestNode::made(&document, &MediaType::DOCKER_LIST, children)
}

fn is_config(media_type: &str) -> bool {
    matches!(media_type, CONFIG | "application/vnd.oci.image.config.v1+json")
}

fn layer_type(layer: &Descriptor) -> Result<&'static str, ShapeError> {
    Ok(match layer.media_type.as_str() {
        "application/vnd.oci.image.layer.v1.tar+gzip"
        | "application/vnd.docker.image.rootfs.diff.tar.gzip" => {
            "application/vnd.docker.image.rootfs.diff.tar.gzip"
        }
        "application/vnd.oci.image.layer.v1.tar" | "application/vnd.docker.image.rootfs.diff.tar" => {
            "application/vnd.docker.image.rootfs.diff.tar"
        }
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => {
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        }
        zstd if zstd.ends_with("+zstd") || zstd.ends_with(".zstd") => {
            return Err(ShapeError::Zstd(layer.digest));
        }
        other => return Err(ShapeError::NotAnImage(other.to_owned())),
    })
}

fn descriptor(content: &Descriptor, media_type: &str) -> Value {
    let mut made = json!({ "mediaType": media_type, "size": content.size, "digest": content.digest });
    if !content.urls.is_empty() {
        made["urls"] = json!(content.urls);
    }
    made
}
