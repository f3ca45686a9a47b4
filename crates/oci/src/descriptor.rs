//! Descriptors: references from one document to another (image-spec, descriptor.md).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, Platform};

/// A reference to content. Unknown fields are dropped, so use it to look inside a document and to build
/// referrers responses, never to write a document back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type of the content.
    #[serde(default)]
    pub media_type: String,
    /// Digest of the content.
    pub digest: Digest,
    /// Size of the content in bytes.
    pub size: u64,
    /// Artifact type, if the content is an artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Free-form annotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// In an index: the platform the content is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Alternative locations of the content. They are never requested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
}

/// Maximum size in bytes of the annotations kept in an entry of a listing.
pub const MAX_LISTED_ANNOTATIONS: usize = 16 << 10;

// Approximate overhead of a map or vector entry, in bytes.
const ENTRY: usize = 64;

impl Descriptor {
    /// The same descriptor as an entry of a listing, without annotations or URLs larger than
    /// [`MAX_LISTED_ANNOTATIONS`].
    ///
    /// The specification makes a listing repeat the annotations (distribution-spec, §listing referrers). Their content
    /// is arbitrary and can be as large as a manifest for each entry; the full ones are in the manifest.
    #[must_use]
    pub fn listed(mut self) -> Self {
        self.annotations = self.annotations.filter(|all| of_annotations(all) <= MAX_LISTED_ANNOTATIONS);
        if of_urls(&self.urls) > MAX_LISTED_ANNOTATIONS {
            self.urls = Vec::new();
        }
        self
    }

    /// Approximate memory use in bytes.
    pub fn weight(&self) -> usize {
        let texts = self.media_type.len() + self.artifact_type.as_ref().map_or(0, String::len);
        let annotations = self.annotations.as_ref().map_or(0, of_annotations);
        size_of::<Self>() + texts + annotations + of_urls(&self.urls)
    }

    /// True for a layer that may not be distributed and therefore need not be in the registry
    /// (image-spec, layer.md §non-distributable layers).
    pub fn is_foreign(&self) -> bool {
        self.media_type.contains(".foreign.") || self.media_type.contains(".nondistributable.")
    }
}

fn of_annotations(annotations: &BTreeMap<String, String>) -> usize {
    annotations.iter().map(|(key, value)| key.len() + value.len() + ENTRY).sum()
}

fn of_urls(urls: &[String]) -> usize {
    urls.iter().map(|url| url.len() + ENTRY).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(annotation: usize, urls: usize) -> Descriptor {
        Descriptor {
            media_type: String::new(),
            digest: Digest::of(b""),
            size: 0,
            artifact_type: None,
            annotations: Some([("key".to_owned(), "v".repeat(annotation))].into()),
            platform: None,
            urls: vec![String::new(); urls],
        }
    }

    // A05
    #[test]
    fn a_listing_leaves_out_what_is_large() {
        let small = with(8 << 10, 2);
        assert_eq!(small.clone().listed(), small);
        let (large, many) = (with(39_000, 0).listed(), with(1, 1000).listed());
        assert_eq!((large.annotations, many.urls.len()), (None, 0));
        assert!(with(39_000, 0).weight() > 39_000 && many.annotations.is_some());
    }
}
