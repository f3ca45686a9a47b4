//! The form in which a target wants an image: which of its platforms, and whose media types.
//!
//! - [`select`]: which entries of an index are wanted (pure; also says which children need not be fetched)
//! - [`apply`]: the image in that form, with new bytes only where something had to change
//! - `docker`: the documents of Docker's form
//!
//! The same source and [`Shape`] give the same bytes every time: equality is decided by them.

mod docker;
mod select;

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use entrepot_oci::{Descriptor, Digest, Manifest, ManifestError, MediaType, Platform};
use serde_json::Value;

use crate::{Format, Shape};

pub(crate) use select::{is_for, select};

/// A manifest with what it lists.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its digest.
    pub(crate) digest: Digest,
    /// Its bytes, which have that digest.
    pub(crate) bytes: Bytes,
    /// What is in them.
    pub(crate) manifest: Manifest,
    /// What an index lists, entry by entry; `None` for what nobody wants.
    pub(crate) children: Vec<Option<Arc<Node>>>,
}

/// Why an image cannot have a form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ShapeError {
    /// None of its platforms is wanted.
    #[error("the image is not for {} but for {}", list(.wanted), list(.there))]
    Platform {
        /// Those wanted.
        wanted: Vec<Platform>,
        /// Those it has.
        there: Vec<Platform>,
    },
    /// A layer whose compression Docker's form has no word for.
    #[error("the layer {0} is compressed by zstd, for which Docker's media types have no name")]
    Zstd(Digest),
    /// Something else than an image.
    #[error("Docker's media types have no name for `{0}`")]
    NotAnImage(String),
    /// A document that cannot be written again.
    #[error("a manifest cannot be rewritten: {0}")]
    Document(String),
}

fn list(platforms: &[Platform]) -> String {
    if platforms.is_empty() {
        return "no platform that it names".to_owned();
    }
    platforms.iter().map(Platform::to_string).collect::<Vec<_>>().join(", ")
}

impl From<ManifestError> for ShapeError {
    fn from(error: ManifestError) -> Self {
        Self::Document(error.to_string())
    }
}

impl From<serde_json::Error> for ShapeError {
    fn from(error: serde_json::Error) -> Self {
        Self::Document(error.to_string())
    }
}

impl Node {
    /// Reads a document of which it is known that it has the digest.
    pub(crate) fn parse(digest: Digest, media_type: &MediaType, bytes: Bytes) -> Result<Self, ManifestError> {
        let manifest = Manifest::parse(&bytes, Some(media_type))?;
        let children = vec![None; manifest.manifests().len()];
        Ok(Self { digest, bytes, manifest, children })
    }

    fn made(document: &Value, media_type: &MediaType, children: Vec<Arc<Self>>) -> Result<Self, ShapeError> {
        let bytes = Bytes::from(serde_json::to_vec(document)?);
        let manifest = Manifest::parse(&bytes, Some(media_type))?;
        let children = children.into_iter().map(Some).collect();
        Ok(Self { digest: Digest::of(&bytes), bytes, manifest, children })
    }

    /// What it is.
    pub(crate) fn media_type(&self) -> &MediaType {
        self.manifest.media_type()
    }

    /// Itself and everything below it, children before parents, each once.
    pub(crate) fn documents(self: &Arc<Self>) -> Vec<Arc<Self>> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        self.collect(&mut found, &mut seen);
        found
    }

    fn collect(self: &Arc<Self>, found: &mut Vec<Arc<Self>>, seen: &mut HashSet<Digest>) {
        if seen.insert(self.digest) {
            self.children.iter().flatten().for_each(|child| child.collect(found, seen));
            found.push(Arc::clone(self));
        }
    }

    /// The blobs that must be in a registry for this document to be taken.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifest.blobs().filter(|blob| !blob.is_foreign())
    }

    /// The platforms an index names, those of indexes in it too.
    fn platforms(&self) -> Vec<Platform> {
        let mut found = Vec::new();
        for (entry, child) in self.manifest.manifests().iter().zip(&self.children) {
            match (&entry.platform, child) {
                (Some(platform), _) if !select::is_attestation(entry) => found.push(platform.clone()),
                (None, Some(child)) => found.extend(child.platforms()),
                _ => {}
            }
        }
        found
    }
}

/// The image in the form wanted; the same node where nothing has to change.
///
/// Whether an image that is not an index has the right platform is in its config and not decided here.
pub(crate) fn apply(root: &Arc<Node>, shape: &Shape) -> Result<Arc<Node>, ShapeError> {
    if *shape == Shape::default() {
        return Ok(Arc::clone(root));
    }
    match shaped(root, shape)? {
        Some(node) => Ok(node),
        None => Err(ShapeError::Platform { wanted: shape.platforms.clone(), there: root.platforms() }),
    }
}

// `None` for an index of which nothing is left.
fn shaped(node: &Arc<Node>, shape: &Shape) -> Result<Option<Arc<Node>>, ShapeError> {
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
    let changes = |(index, child): &(usize, Arc<Node>)| {
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

// The index with these of its entries, and everything else that it says.
fn filtered(node: &Node, kept: Vec<(usize, Arc<Node>)>) -> Result<Node, ShapeError> {
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
    Node::made(&document, node.media_type(), children)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
