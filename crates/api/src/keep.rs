//! Keep lists: images that are fetched again and again by schedule.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{timestamp::Timestamp, words::words};

words! {
    /// How an image of a keep list stands.
    KeepState {
        /// All of it is here, as its registry had it when it was looked at.
        Kept = "kept",
        /// It could not be fetched. What was kept of it before is still here.
        Failed = "failed",
        /// Its turn did not come: what its registry allows is for clients.
        Postponed = "postponed",
    }
}

words! {
    /// What became of the run of a keep list.
    KeepOutcome {
        /// It goes on.
        Running = "running",
        /// All images are kept.
        Done = "done",
        /// Some are not.
        Failed = "failed",
        /// Somebody stopped it.
        Canceled = "canceled",
        /// The server stopped meanwhile.
        Interrupted = "interrupted",
    }
}

/// How many images of a keep list stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeepCounts {
    /// Those that are kept.
    pub kept: u64,
    /// Those that could not be fetched.
    pub failed: u64,
    /// Those whose turn did not come.
    pub postponed: u64,
}

/// How far the run of a keep list is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeepProgress {
    /// How many images the list means; `null` before it is looked up.
    #[schema(required = true)]
    pub total: Option<u64>,
    /// How those stand that were looked at.
    pub images: KeepCounts,
    /// Bytes that have come.
    pub bytes: u64,
    /// The image that it is about.
    #[schema(required = true)]
    pub image: Option<String>,
    /// Whether it waits, since somebody waits for another image.
    pub waits: bool,
}

/// A run of a keep list that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeepRun {
    /// What became of it.
    pub outcome: KeepOutcome,
    /// How the images stood.
    pub images: KeepCounts,
    /// Bytes that came.
    pub bytes: u64,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    #[schema(required = true)]
    pub finished: Option<Timestamp>,
}

/// A keep list, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeepList {
    /// What it is called.
    pub name: String,
    /// How many images and patterns are on it.
    pub items: u64,
    /// The platforms that are kept; all of each image if there are none.
    pub platforms: Vec<String>,
    /// When it runs, as it was written; only on request if it is left out.
    #[schema(required = true)]
    pub schedule: Option<String>,
    /// The time zone of that.
    #[schema(required = true)]
    pub time_zone: Option<String>,
    /// When it runs next by itself.
    #[schema(required = true)]
    pub next: Option<Timestamp>,
    /// How its images stand.
    pub images: KeepCounts,
    /// Its last run.
    #[schema(required = true)]
    pub last: Option<KeepRun>,
    /// How far its run is, if it runs or waits for its turn.
    #[schema(required = true)]
    pub running: Option<KeepProgress>,
}

/// All keep lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeepLists {
    /// In the order in which they are written.
    pub lists: Vec<KeepList>,
}

/// An image of a keep list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeepImage {
    /// The image in full, or what of the list could not be looked up.
    pub image: String,
    /// How it stands.
    pub state: KeepState,
    /// What is kept of it.
    #[schema(required = true)]
    pub digest: Option<String>,
    /// Why it is not kept as it is now.
    #[schema(required = true)]
    pub problem: Option<String>,
    /// When it was looked at.
    pub checked: Timestamp,
}

/// A page of the images of a keep list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeepImageList {
    /// In order of their names.
    pub images: Vec<KeepImage>,
    /// Whether more follow: ask again with the last name as `last`.
    pub more: bool,
}

/// Which images of a keep list to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeepImageListQuery {
    /// Only those that stand so.
    #[param(value_type = Option<KeepState>)]
    pub state: Option<KeepState>,
    /// How many, at most 1000.
    pub n: Option<usize>,
    /// Only images after this name.
    pub last: Option<String>,
}
