//! An image named in documents, with its registry's response.

use entrepot_oci::ImageRef;
use serde::Serialize;

use super::report::DocumentPosition;
use crate::commands::inspect;

/// An image and the places that name it.
#[derive(Debug, Serialize)]
pub(super) struct ImageUse {
    /// The image, as complete as the documents give it.
    pub(super) image: String,
    #[serde(skip)]
    pub(super) whole: Option<ImageRef>,
    pub(super) places: Vec<DocumentPosition>,
    /// The registry's response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resolved: Option<ImageLookup>,
}

/// The result of looking up an image.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ImageLookup {
    /// The registry has it.
    There(inspect::ImageBrief),
    /// The registry does not have it, or the lookup failed.
    Missing {
        /// The reason.
        error: String,
    },
}
