//! Selects the entries of an index that are wanted.

use std::collections::HashSet;

use entrepot_oci::{Descriptor, Digest, Manifest, MediaType, Platform};

use crate::{Format, Shape};

/// BuildKit's notes beside the platforms of an index: what kind of manifest it is, and which image it is about.
const KIND: &str = "vnd.docker.reference.type";
const ABOUT: &str = "vnd.docker.reference.digest";

/// Which entries of `index` a target wants, entry by entry. Attestations follow the image that they are about; an index
/// within this one that names no platform is wanted for what may be in it.
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

/// Whether an entry is what BuildKit puts beside the platforms.
pub(super) fn is_attestation(entry: &Descriptor) -> bool {
    about(entry).is_some()
}

// Outside: whether it is an attestation; inside: of which image.
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

/// Whether what runs on `platform` is what `wanted` asks for. What is not said is not asked for; `arm64` and `arm64/v8`
/// are one (image-spec, image-index.md §platform variants).
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
