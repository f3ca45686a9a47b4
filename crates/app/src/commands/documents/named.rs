//! An image that documents name, and what its registry says of it.

use entrepot_oci::ImageRef;
use serde::Serialize;

use super::report::Place;
use crate::commands::inspect;

/// An image, and where it is named.
#[derive(Debug, Serialize)]
pub(super) struct Named {
    /// The image, as whole as the documents say it.
    pub(super) image: String,
    #[serde(skip)]
    pub(super) whole: Option<ImageRef>,
    pub(super) places: Vec<Place>,
    /// What the registry says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resolved: Option<Resolved>,
}

/// What a registry says of an image.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Resolved {
    /// It has it.
    There(inspect::Brief),
    /// It does not, or does not say.
    Missing {
        /// Why.
        error: String,
    },
}
