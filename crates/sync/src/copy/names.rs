//! Puts tags at a target: the tag itself, the backup of the image it replaces, and the referrers tag if the registry
//! has no referrers API.

use std::collections::BTreeMap;

use bytes::Bytes;
use entrepot_oci::{Descriptor, Digest, Manifest, MediaType, Reference, ReferrersIndex, referrers_tag};

use crate::{
    JobTarget,
    endpoints::{EndpointError, Sink},
    shape::ManifestNode,
};

/// Puts an image's name at a target. Returns true if anything changed.
pub(super) async fn name(
    sink: &Sink,
    target: &JobTarget,
    root: &ManifestNode,
) -> Result<bool, EndpointError> {
    if target.before == Some(root.digest) {
        return Ok(false);
    }
    back_up(sink, target).await?;
    let reference = match &target.reference {
        Reference::Tag(tag) => Reference::Tag(tag.clone()),
        // A converted image has another digest.
        Reference::Digest(_) => Reference::Digest(root.digest),
    };
    sink.put_manifest(&reference, root, true).await?;
    Ok(true)
}

// Puts the manifest of the old image under the backup tag. Its blobs and children are there already.
async fn back_up(sink: &Sink, target: &JobTarget) -> Result<(), EndpointError> {
    let (Some(before), Some(tag)) = (target.before, &target.backup) else { return Ok(()) };
    match sink.manifest(&Reference::Digest(before)).await {
        Ok((media_type, bytes)) => {
            let node = parse(before, media_type, bytes)?;
            sink.put_manifest(&Reference::Tag(tag.clone()), &node, true).await.map(drop)
        }
        Err(error) if error.is_not_found() => {
            tracing::warn!(place = %target.place, %before, "what a tag pointed at is gone and was not kept");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Adds a referrer to the referrers tag of its subject (distribution-spec, §pushing manifests with subject).
pub(super) async fn list(sink: &Sink, referrer: &ManifestNode) -> Result<(), EndpointError> {
    let Some(subject) = referrer.manifest.subject().map(|subject| subject.digest) else { return Ok(()) };
    let tag = Reference::Tag(referrers_tag(&subject));
    let mut entries = match sink.manifest(&tag).await {
        Ok((media_type, bytes)) => listed(&subject, media_type, &bytes),
        Err(error) if error.is_not_found() => Vec::new(),
        Err(error) => return Err(error),
    };
    if entries.iter().any(|entry| entry.digest == referrer.digest) {
        return Ok(());
    }
    entries.push(descriptor(referrer));
    let bytes =
        serde_json::to_vec(&ReferrersIndex::new(entries)).map_err(|error| malformed(subject, &error))?;
    let bytes = Bytes::from(bytes);
    let node = parse(Digest::of(&bytes), Some(MediaType::OCI_INDEX), bytes)?;
    sink.put_manifest(&tag, &node, true).await.map(drop)
}

// The entries of the referrers tag. GitLab reads the tag as a digest and responds with the image itself.
fn listed(subject: &Digest, media_type: Option<MediaType>, bytes: &[u8]) -> Vec<Descriptor> {
    let manifest = Manifest::parse(bytes, media_type.as_ref()).ok();
    let is_list = |index: &Manifest| index.media_type().is_index() && !subject.matches(bytes);
    manifest.filter(is_list).map(|index| index.manifests().to_vec()).unwrap_or_default()
}

fn descriptor(referrer: &ManifestNode) -> Descriptor {
    let annotations: Option<&BTreeMap<String, String>> = referrer.manifest.annotations();
    Descriptor {
        media_type: referrer.media_type().to_string(),
        digest: referrer.digest,
        size: referrer.bytes.len() as u64,
        artifact_type: referrer.manifest.artifact_type().map(str::to_owned),
        annotations: annotations.cloned(),
        platform: None,
        urls: Vec::new(),
    }
}

fn parse(digest: Digest, media_type: Option<MediaType>, bytes: Bytes) -> Result<ManifestNode, EndpointError> {
    let media_type = match media_type {
        Some(media_type) => media_type,
        None => match Manifest::parse(&bytes, None) {
            Ok(manifest) => manifest.media_type().clone(),
            Err(error) => return Err(malformed(digest, &error)),
        },
    };
    ManifestNode::parse(digest, &media_type, bytes).map_err(|error| malformed(digest, &error))
}

fn malformed(digest: Digest, error: &dyn std::fmt::Display) -> EndpointError {
    EndpointError::malformed(digest.to_string(), format!("is not a manifest: {error}"))
}
