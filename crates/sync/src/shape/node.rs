//! A manifest with its children, and errors of conversion.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use entrepot_oci::{Descriptor, Digest, Manifest, ManifestError, MediaType, Platform};
use serde_json::Value;

use super::select::is_attestation;

/// A manifest with its children.
#[derive(Debug)]
pub(crate) struct ManifestNode {
    /// Its digest.
    pub(crate) digest: Digest,
    /// Its bytes, which match the digest.
    pub(crate) bytes: Bytes,
    /// The parsed manifest.
    pub(crate) manifest: Manifest,
    /// The children of an index, entry by entry; `None` for unwanted ones.
    pub(crate) children: Vec<Option<Arc<ManifestNode>>>,
}

/// The reason an image cannot have a shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ShapeError {
    /// None of its platforms is wanted.
    #[error("the image is not for {} but for {}", list(.wanted), list(.there))]
    Platform {
        /// The wanted platforms.
        wanted: Vec<Platform>,
        /// The existing platforms.
        there: Vec<Platform>,
    },
    /// A layer with a compression that Docker's format does not support.
    #[error("the layer {0} is compressed with zstd, which Docker's media types do not support")]
    Zstd(Digest),
    /// Not an image.
    #[error("Docker's media types do not support `{0}`")]
    NotAnImage(String),
    /// A manifest that cannot be rewritten.
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

impl ManifestNode {
    /// Parses a manifest whose digest was verified.
    pub(crate) fn parse(digest: Digest, media_type: &MediaType, bytes: Bytes) -> Result<Self, ManifestError> {
        let manifest = Manifest::parse(&bytes, Some(media_type))?;
        let children = vec![None; manifest.manifests().len()];
        Ok(Self { digest, bytes, manifest, children })
    }

    pub(super) fn made(
        document: &Value,
        media_type: &MediaType,
        children: Vec<Arc<Self>>,
    ) -> Result<Self, ShapeError> {
        let bytes = Bytes::from(serde_json::to_vec(document)?);
        let manifest = Manifest::parse(&bytes, Some(media_type))?;
        let children = children.into_iter().map(Some).collect();
        Ok(Self { digest: Digest::of(&bytes), bytes, manifest, children })
    }

    /// Its media type.
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

    /// Its blobs. Foreign layers are among them: a copy without one could not be run where its address is out of reach.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifest.blobs()
    }

    /// The platforms an index names, including those of nested indexes.
    pub(super) fn platforms(&self) -> Vec<Platform> {
        let mut found = Vec::new();
        for (entry, child) in self.manifest.manifests().iter().zip(&self.children) {
            match (&entry.platform, child) {
                (Some(platform), _) if !is_attestation(entry) => found.push(platform.clone()),
                (None, Some(child)) => found.extend(child.platforms()),
                _ => {}
            }
        }
        found
    }
}
