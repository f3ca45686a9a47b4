//! Converts an image to the shape a target wants: some of its platforms, other media types.
//!
//! - [`select`]: the wanted entries of an index (pure; also tells which children need not be fetched)
//! - [`apply`]: the image in that shape, with new bytes only where something had to change
//! - `docker`: manifests in Docker's format
//!
//! The same source and [`Shape`] always give the same bytes: equality depends on it.

mod docker;
mod node;
mod select;

use std::sync::Arc;

use entrepot_oci::MediaType;
use serde_json::Value;

use crate::{Format, Shape};

pub(crate) use node::{ManifestNode, ShapeError};
pub(crate) use select::{is_for, select};

/// The image in the wanted shape; the same node if nothing has to change.
///
/// The platform of an image that is not an index is in its config, and not checked here.
pub(crate) fn apply(root: &Arc<ManifestNode>, shape: &Shape) -> Result<Arc<ManifestNode>, ShapeError> {
    if *shape == Shape::default() {
        return Ok(Arc::clone(root));
    }
    match shaped(root, shape)? {
        Some(node) => Ok(node),
        None => Err(ShapeError::Platform { wanted: shape.platforms.clone(), there: root.platforms() }),
    }
}

// `None` for an index with no entries left.
fn shaped(node: &Arc<ManifestNode>, shape: &Shape) -> Result<Option<Arc<ManifestNode>>, ShapeError> {
    if !node.media_type().is_index() {
        return match shape.format {
            Format::Docker if *node.media_type() != MediaType::DOCKER_MANIFEST => {
                docker::image(node).map(|made| Some(Arc::new(made)))
            }
            Format::Docker | Format::Keep => Ok(Some(Arc::clone(node))),
        };
    }
    let wanted = select(&node.manifest, shape);
    let mut kept = Vec::new();
    for (index, child) in node.children.iter().enumerate() {
        if let (true, Some(child)) = (wanted[index], child)
            && let Some(child) = shaped(child, shape)?
        {
            kept.push((index, child));
        }
    }
    if kept.is_empty() && !node.children.is_empty() {
        return Ok(None);
    }
    let changes = |(index, child): &(usize, Arc<ManifestNode>)| {
        node.children[*index].as_ref().is_some_and(|before| before.digest != child.digest)
    };
    let retyped = shape.format == Format::Docker && *node.media_type() != MediaType::DOCKER_LIST;
    if kept.len() == node.children.len() && !retyped && !kept.iter().any(changes) {
        return Ok(Some(Arc::clone(node)));
    }
    let made = match shape.format {
        Format::Docker => docker::index(node, kept)?,
        Format::Keep => filtered(node, kept)?,
    };
    Ok(Some(Arc::new(made)))
}

// The index with only these entries, otherwise unchanged.
fn filtered(node: &ManifestNode, kept: Vec<(usize, Arc<ManifestNode>)>) -> Result<ManifestNode, ShapeError> {
    let mut document: Value = serde_json::from_slice(&node.bytes)?;
    let entries = document.get_mut("manifests").map(Value::take).unwrap_or_default();
    let (mut manifests, mut children) = (Vec::new(), Vec::new());
    for (index, child) in kept {
        let mut entry = entries.get(index).cloned().unwrap_or_default();
        entry["digest"] = child.digest.to_string().into();
        entry["size"] = child.bytes.len().into();
        manifests.push(entry);
        children.push(child);
    }
    document["manifests"] = manifests.into();
    ManifestNode::made(&document, node.media_type(), children)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
