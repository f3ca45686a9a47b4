//! A summary of an image, as far as moving it is concerned. Pure.

use std::collections::BTreeMap;

use entrepot_oci::{Descriptor, Digest, Manifest};

/// How BuildKit marks what it puts beside the platforms.
const ATTESTATION: &str = "vnd.docker.reference.type";

/// GHCR links a package by this label or annotation (docs.github.com, "Connecting a repository to a package").
pub(crate) const SOURCE: &str = "org.opencontainers.image.source";

/// A summary of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageSummary {
    /// What it runs on; empty where nothing says so.
    pub platforms: Vec<String>,
    /// How many manifests it has, itself included: what it takes of a budget to copy it.
    pub manifests: usize,
    /// How many of them say how it was built.
    pub attestations: usize,
    /// Whether any of them is OCI's, and not Docker's.
    pub is_oci: bool,
    /// Layers and configurations, with their sizes.
    pub blobs: BTreeMap<Digest, u64>,
    /// What refers to it; `None`: the registry could not say.
    pub referrers: Option<usize>,
    /// Where its source is, as it says itself.
    pub source: Option<String>,
    /// A configuration in which that may also be said.
    pub config: Option<Digest>,
}

impl ImageSummary {
    /// Takes in a manifest.
    pub(crate) fn add(&mut self, manifest: &Manifest) {
        self.manifests += 1;
        self.is_oci |= manifest.media_type().as_str().starts_with("application/vnd.oci.");
        let said = manifest.annotations().and_then(|annotations| annotations.get(SOURCE));
        self.source = self.source.take().or_else(|| said.cloned());
        for blob in manifest.blobs().filter(|blob| !blob.is_foreign()) {
            self.blobs.insert(blob.digest, blob.size);
        }
        if manifest.media_type().is_image() && self.config.is_none() {
            self.config = manifest.config().map(|config| config.digest);
        }
    }

    /// Takes in what an index says of its children.
    pub(crate) fn add_children(&mut self, index: &Manifest) {
        for child in index.manifests() {
            if is_attestation(child) {
                self.attestations += 1;
            } else if let Some(platform) = &child.platform {
                self.platforms.push(platform.to_string());
            }
        }
    }

    /// All its blobs, in bytes.
    pub fn size(&self) -> u64 {
        self.blobs.values().sum()
    }
}

fn is_attestation(child: &Descriptor) -> bool {
    child.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(ATTESTATION))
}
