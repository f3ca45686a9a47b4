//! One step of a plan: the action for one image at one destination.

use entrepot_oci::{Digest, Tag};
use serde::Serialize;

use crate::{CopyFailure, Place};

/// The action for one image at one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanStep {
    /// The rule that asked for it.
    pub rule: String,
    /// The source repository.
    #[serde(serialize_with = "as_text")]
    pub source: Place,
    /// The tag there; `None` if the step is about the whole repository.
    #[serde(serialize_with = "maybe_text")]
    pub tag: Option<Tag>,
    /// The digest of that tag, if known.
    pub digest: Option<Digest>,
    /// The destination repository.
    #[serde(serialize_with = "as_text")]
    pub target: Place,
    /// The tag there.
    #[serde(serialize_with = "maybe_text")]
    pub target_tag: Option<Tag>,
    /// The current digest of that tag, if it exists.
    pub before: Option<Digest>,
    /// The action.
    #[serde(flatten)]
    pub action: PlanAction,
}

/// An action for an image at a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum PlanAction {
    /// Nothing: the digest there is the same.
    UpToDate,
    /// Nothing: the digest there is recorded as this image in the wanted shape.
    SameByRecord,
    /// Nothing, without a request: the tag is immutable and was found to be right before.
    Verified,
    /// Copy: it is not there.
    Copy,
    /// Copy over another image.
    Update {
        /// The tag that keeps the other image.
        #[serde(serialize_with = "maybe_text")]
        backup: Option<Tag>,
    },
    /// The image is there; copy only referrers that are missing.
    Referrers,
    /// Nothing, although it differs: the rule makes the tag immutable.
    Kept,
    /// No rule writes this tag. It is removed if the run is told to prune.
    Extra,
    /// Nothing can be done.
    Failed {
        /// The fact.
        what: String,
        /// A hint, if one is known.
        hint: Option<String>,
        /// True if the source failed, and so all its destinations.
        at_source: bool,
    },
}

impl PlanAction {
    /// One or two words for a table.
    pub fn word(&self) -> &'static str {
        match self {
            Self::UpToDate => "up to date",
            Self::SameByRecord => "same, converted",
            Self::Verified => "verified",
            Self::Copy => "copy",
            Self::Update { .. } => "update",
            Self::Referrers => "referrers",
            Self::Kept => "kept",
            Self::Extra => "extra",
            Self::Failed { .. } => "failed",
        }
    }

    /// True if the destination has the image in the shape the rule wants.
    pub fn is_in_sync(&self) -> bool {
        matches!(self, Self::UpToDate | Self::SameByRecord | Self::Verified | Self::Referrers)
    }

    /// True if there is something to copy.
    pub fn is_work(&self) -> bool {
        matches!(self, Self::Copy | Self::Update { .. } | Self::Referrers)
    }
}

impl From<CopyFailure> for PlanAction {
    fn from(failure: CopyFailure) -> Self {
        Self::Failed { what: failure.what, hint: failure.hint, at_source: failure.at_source }
    }
}

/// For `serialize_with`: the value in its `Display` form.
pub(crate) fn as_text<T: std::fmt::Display, S: serde::Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The same for an optional value.
pub(crate) fn maybe_text<T: std::fmt::Display, S: serde::Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}
