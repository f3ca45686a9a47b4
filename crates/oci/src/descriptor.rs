//! Descriptors: how one document points at another (image-spec, descriptor.md).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, Platform};

/// A pointer at content. Unknown fields are dropped, so this is for looking inside a document and for making
/// referrers answers, never for writing a document back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the content is.
    #[serde(default)]
    pub media_type: String,
    /// The content's digest.
    pub digest: Digest,
    /// The content's size in bytes.
    pub size: u64,
    /// The type of artifact, where the content is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Free-form notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// What the content runs on, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Other places to get the content from, which are never asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
}

/// The most bytes of annotations that an entry of a listing keeps.
pub const MAX_LISTED_ANNOTATIONS: usize = 16 << 10;

// What an entry of a map or a vector takes besides its text, roughly.
const ENTRY: usize = 64;

impl Descriptor {
    /// The same as an entry of a listing: without annotations or addresses of more than [`MAX_LISTED_ANNOTATIONS`].
    ///
    /// The specification has a listing repeat the annotations (distribution-spec, §listing referrers). They are whatever
    /// somebody wrote, as large as a manifest for each entry, and who needs them whole has the manifest for that.
    #[must_use]
    pub fn listed(mut self) -> Self {
        self.annotations = self.annotations.filter(|all| of_annotations(all) <= MAX_LISTED_ANNOTATIONS);
        if of_urls(&self.urls) > MAX_LISTED_ANNOTATIONS {
            self.urls = Vec::new();
        }
        self
    }

    /// How many bytes of memory it takes, roughly.
    pub fn weight(&self) -> usize {
        let texts = self.media_type.len() + self.artifact_type.as_ref().map_or(0, String::len);
        let annotations = self.annotations.as_ref().map_or(0, of_annotations);
        size_of::<Self>() + texts + annotations + of_urls(&self.urls)
    }

    /// Whether the content is a layer that may not be distributed and so need not be in the registry
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
