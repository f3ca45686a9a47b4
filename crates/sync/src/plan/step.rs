//! What becomes of one image at one destination, as a plan says it.

use entrepot_oci::{Digest, Tag};
use serde::Serialize;

use crate::{Failure, Place};

/// One image at one destination: how it stands, and what is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The rule that wants it.
    pub rule: String,
    /// The repository that it comes from.
    #[serde(serialize_with = "as_text")]
    pub source: Place,
    /// Its tag there; `None`: what is said here is about the whole repository.
    #[serde(serialize_with = "maybe_text")]
    pub tag: Option<Tag>,
    /// What that points at, where it is known.
    pub digest: Option<Digest>,
    /// The repository that it goes to.
    #[serde(serialize_with = "as_text")]
    pub target: Place,
    /// Its tag there.
    #[serde(serialize_with = "maybe_text")]
    pub target_tag: Option<Tag>,
    /// What that points at now, if at anything.
    pub before: Option<Digest>,
    /// What is to be done.
    #[serde(flatten)]
    pub action: Action,
}

/// What is to be done about an image at a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Nothing: it has the same digest there.
    UpToDate,
    /// Nothing: what is there is known to be this image in the form wanted.
    SameByRecord,
    /// Nothing, and nobody was asked: the tag never changes, and was seen to be right.
    Verified,
    /// It is copied: it is not there.
    Copy,
    /// It is copied over what is there.
    Update {
        /// The tag under which what is there is kept.
        #[serde(serialize_with = "maybe_text")]
        backup: Option<Tag>,
    },
    /// It is there; what refers to it is looked for.
    Referrers,
    /// Nothing, although it differs: the rule says that the tag never changes.
    Kept,
    /// No rule writes this tag there. It is removed if the run is told to.
    Extra,
    /// Nothing can be done.
    Failed {
        /// The fact.
        what: String,
        /// The way out, if there is one to name.
        hint: Option<String>,
        /// Whether it is the source's fault, for all its destinations.
        at_source: bool,
    },
}

impl Action {
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

    /// Whether the destination has the image, as the rule wants it.
    pub fn is_in_sync(&self) -> bool {
        matches!(self, Self::UpToDate | Self::SameByRecord | Self::Verified | Self::Referrers)
    }

    /// Whether there is something to copy.
    pub fn is_work(&self) -> bool {
        matches!(self, Self::Copy | Self::Update { .. } | Self::Referrers)
    }
}

impl From<Failure> for Action {
    fn from(failure: Failure) -> Self {
        Self::Failed { what: failure.what, hint: failure.hint, at_source: failure.at_source }
    }
}

/// For `serialize_with`: the text that people write.
pub(crate) fn as_text<T: std::fmt::Display, S: serde::Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The same where there may be none.
pub(crate) fn maybe_text<T: std::fmt::Display, S: serde::Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// The same for several.
pub(crate) fn places<S: serde::Serializer>(places: &[Place], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(places.iter().map(ToString::to_string))
}
