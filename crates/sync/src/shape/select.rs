//! Selects the wanted entries of an index.

use std::collections::HashSet;

use entrepot_oci::{Descriptor, Digest, Manifest, MediaType, Platform};

use crate::{Format, Shape};

/// BuildKit's annotations on attestations: the kind of manifest, and the image it is about.
const KIND: &str = "vnd.docker.reference.type";
const ABOUT: &str = "vnd.docker.reference.digest";

/// Returns which entries of `index` a target wants, entry by entry. Attestations follow their image; a nested index
/// without a platform is wanted, since it may contain something wanted.
pub(crate) fn select(index: &Manifest, shape: &Shape) -> Vec<bool> {
    let entries = index.manifests();
    let images: HashSet<Digest> = entries
        .iter()
        .filter(|entry| !is_attestation(entry) && is_wanted(entry, shape))
        .map(|entry| entry.digest)
        .collect();
    let without = shape.without_attestations || shape.format == Format::Docker;
    let keeps = |entry: &Descriptor| match about(entry) {
        Some(_) if without => false,
        Some(image) => shape.platforms.is_empty() || image.is_some_and(|image| images.contains(&image)),
        None => images.contains(&entry.digest),
    };
    entries.iter().map(keeps).collect()
}

/// True if the entry is a BuildKit attestation.
pub(super) fn is_attestation(entry: &Descriptor) -> bool {
    about(entry).is_some()
}

// `None` if it is not an attestation; otherwise the image it is about, if given.
fn about(entry: &Descriptor) -> Option<Option<Digest>> {
    let notes = entry.annotations.as_ref()?;
    notes.get(KIND).filter(|kind| *kind == "attestation-manifest")?;
    Some(notes.get(ABOUT).and_then(|digest| digest.parse().ok()))
}

fn is_wanted(entry: &Descriptor, shape: &Shape) -> bool {
    let is_index = MediaType::parse(&entry.media_type).is_some_and(|kind| kind.is_index());
    match &entry.platform {
        _ if shape.platforms.is_empty() => true,
        Some(platform) => shape.platforms.iter().any(|wanted| is_for(platform, wanted)),
        None => is_index,
    }
}

/// True if an image for `platform` satisfies `wanted`. Fields not given match anything; `arm64` and `arm64/v8` are
/// equal (image-spec, image-index.md §platform variants).
pub(crate) fn is_for(platform: &Platform, wanted: &Platform) -> bool {
    let variant = |platform: &Platform| match (platform.architecture.as_str(), platform.variant.as_deref()) {
        ("arm64", None) => Some("v8".to_owned()),
        (_, variant) => variant.map(str::to_owned),
    };
    platform.os == wanted.os
        && platform.architecture == wanted.architecture
        && (wanted.variant.is_none() || variant(platform) == variant(wanted))
        && (wanted.os_version.is_none() || platform.os_version == wanted.os_version)
}
