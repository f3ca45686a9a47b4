//! Tags attached to an image: cosign's (`sha256-<hex>.sig`, `.att`, `.sbom`), and the referrers tag of registries
//! without the referrers API (`sha256-<hex>`, distribution-spec §referrers tag schema).

use std::collections::HashSet;

use entrepot_oci::{Digest, Tag};

/// The image that `tag` is attached to, if any.
pub fn subject(tag: &Tag) -> Option<Digest> {
    let text = tag.as_str();
    let name = text.split_once('.').map_or(text, |(name, _)| name);
    let (algorithm, hex) = name.split_once('-')?;
    // Anything else is an ordinary tag that happens to start like this.
    let is_whole = matches!((algorithm, hex.len()), ("sha256", 64));
    is_whole.then(|| format!("{algorithm}:{hex}").parse().ok())?
}

/// Splits `listing` into attached and other tags.
pub(crate) fn split(listing: &[Tag]) -> (Vec<Tag>, Vec<Tag>) {
    listing.iter().cloned().partition(|tag| subject(tag).is_some())
}

/// The tags of `listing` attached to one of `images`.
pub(crate) fn of(listing: &[Tag], images: &HashSet<Digest>) -> Vec<Tag> {
    let belongs = |tag: &&Tag| subject(tag).is_some_and(|image| images.contains(&image));
    listing.iter().filter(belongs).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_tags_belong_to_an_image() {
        let image = Digest::of(b"x");
        let of = |text: String| subject(&text.parse().unwrap());
        for ending in ["", ".sig", ".att", ".sbom"] {
            assert_eq!(of(format!("sha256-{}{ending}", image.hex())), Some(image), "{ending}");
        }
        for other in ["latest", "sha256-abc", "sha-0123456", "sha256.sig"] {
            assert_eq!(of(other.to_owned()), None, "{other}");
        }
    }
}
