//! Summary of an image for a migration. Pure.

use std::collections::BTreeMap;

use entrepot_oci::{Descriptor, Digest, Manifest};

/// The annotation BuildKit puts on attestations.
const ATTESTATION: &str = "vnd.docker.reference.type";

/// GHCR links a package by this label or annotation (docs.github.com, "Connecting a repository to a package").
pub(crate) const SOURCE: &str = "org.opencontainers.image.source";

/// A summary of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageSummary {
    /// Its platforms; empty if none are given.
    pub platforms: Vec<String>,
    /// The number of its manifests, itself included: the budget needed to copy it.
    pub manifests: usize,
    /// The number of attestations.
    pub attestations: usize,
    /// True if any manifest is OCI's rather than Docker's.
    pub is_oci: bool,
    /// Layers and configurations, with their sizes.
    pub blobs: BTreeMap<Digest, u64>,
    /// The number of referrers; `None` if the registry could not list them.
    pub referrers: Option<usize>,
    /// The address of its source, from its own labels or annotations.
    pub source: Option<String>,
    /// A configuration that may contain this label.
    pub config: Option<Digest>,
}

impl ImageSummary {
    /// Adds a manifest.
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

    /// Adds what an index says about its children.
    pub(crate) fn add_children(&mut self, index: &Manifest) {
        for child in index.manifests() {
            if is_attestation(child) {
                self.attestations += 1;
            } else if let Some(platform) = &child.platform {
                self.platforms.push(platform.to_string());
            }
        }
    }

    /// The total size of its blobs, in bytes.
    pub fn size(&self) -> u64 {
        self.blobs.values().sum()
    }
}

fn is_attestation(child: &Descriptor) -> bool {
    child.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(ATTESTATION))
}
