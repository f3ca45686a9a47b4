//! How an image's parts are reached: by which tags and manifests.

use std::collections::HashMap;

use entrepot_oci::{Digest, Tag};

/// What is known of the ways to a manifest or blob of a repository.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// The manifests above it, and itself if it is one. One that is only named by others is not in here.
    pub manifests: HashMap<Digest, ManifestLineage>,
}

/// What is known of a manifest.
#[derive(Clone, Debug, Default)]
pub struct ManifestLineage {
    /// The tags that lead to it, or once led.
    pub tags: Vec<Tag>,
    /// The manifests that name it.
    pub parents: Vec<Digest>,
}

/// A part of an image.
#[derive(Clone, Copy, Debug)]
pub enum ImagePart<'a> {
    /// A manifest.
    Manifest(&'a Digest),
    /// A blob, with the manifests that name it.
    Blob(&'a Digest, &'a [Digest]),
}

/// The digest that a tag of the form `sha256-…` stands for: signatures and attestations have such tags (distribution-spec,
/// §referrers tag schema; with a suffix such as `.sig` in cosign).
pub fn digest_of_tag(tag: &Tag) -> Option<Digest> {
    let (algorithm, rest) = tag.as_str().split_once('-')?;
    let hex = rest.split_once('.').map_or(rest, |(hex, _)| hex);
    format!("{algorithm}:{hex}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_stand_for_a_digest() {
        let digest = Digest::of(b"");
        let of = |tag: &str| digest_of_tag(&tag.parse().unwrap());
        let tag = digest.to_string().replace(':', "-");
        assert_eq!((of(&tag), of(&format!("{tag}.sig"))), (Some(digest), Some(digest)));
        assert_eq!((of("1.27-alpine"), of("sha256-1.sig"), of("latest")), (None, None, None));
    }
}
