//! How much of the mirror is on offer, and who or what decided that.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{timestamp::Timestamp, words::words};

words! {
    /// How much of the mirror is on offer.
    Mode {
        /// Everything.
        Normal = "normal",
        /// What is held, and blobs up to a size.
        SmallOnly = "small-only",
        /// What is held.
        CachedOnly = "cached-only",
        /// Nothing.
        Closed = "closed",
    }
}

words! {
    /// Why a mode is in force.
    ModeCause {
        /// The configuration says so, or nothing does.
        Configuration = "configuration",
        /// Somebody set it.
        Hand = "hand",
        /// A condition holds.
        Condition = "condition",
    }
}

words! {
    /// What is measured for a condition.
    ModeMeasure {
        /// The used part of the file system of the data directory.
        Disk = "disk",
        /// The least part that an upstream has left of the pulls that it allows.
        Budget = "budget",
        /// The load of the last minute by core.
        Load = "load",
    }
}

/// The mode in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModeState {
    /// The mode.
    pub mode: Mode,
    /// Why it is in force.
    pub cause: ModeCause,
    /// The same in words.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// When what was set by hand ends.
    #[schema(required = true)]
    pub until: Option<Timestamp>,
    /// The largest blob that is fetched in `small-only`, in bytes.
    pub small: u64,
    /// Whether tags of mirrored repositories are listed.
    pub tag_lists: bool,
    /// Whether `/v2/_catalog` may be asked, where the configuration allows it.
    pub catalog: bool,
    /// What was set by hand.
    #[schema(required = true)]
    pub order: Option<ModeOrder>,
    /// The conditions, in the order of the configuration.
    pub conditions: Vec<ModeCondition>,
}

/// What somebody set by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModeOrder {
    /// The mode.
    #[schema(required = true)]
    pub mode: Option<Mode>,
    /// Whether tags of mirrored repositories are listed.
    #[schema(required = true)]
    pub tag_lists: Option<bool>,
    /// Whether `/v2/_catalog` may be asked.
    #[schema(required = true)]
    pub catalog: Option<bool>,
    /// Who set it.
    pub by: String,
    /// When it was set.
    pub since: Timestamp,
}

/// What is to be in force until it is taken back or its time is over. What is left out is decided without it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewModeOrder {
    /// The mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Whether tags of mirrored repositories are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag_lists: Option<bool>,
    /// Whether `/v2/_catalog` may be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<bool>,
    /// Why, in a line: those who are refused are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For how long, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// A condition under which less is on offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModeCondition {
    /// What is measured.
    pub measure: ModeMeasure,
    /// Where it begins, such as `95%`.
    pub limit: String,
    /// What was measured last.
    #[schema(required = true)]
    pub measured: Option<String>,
    /// The mode while it holds.
    pub mode: Mode,
    /// Whether it holds.
    pub holds: bool,
}
