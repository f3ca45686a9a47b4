//! Copies of images: the result of each, and its current state.

use entrepot_oci::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{timestamp::Timestamp, words::words};

words! {
    /// How a copy of an image ended.
    CopyOutcome {
        /// It was written.
        Copied = "copied",
        /// The destination had it already.
        Equal = "equal",
        /// The destination has something else under a tag that must not change there.
        Kept = "kept",
        /// It could not be copied.
        Failed = "failed",
        /// It was left for a later run, for example because the source's budget is used up.
        Postponed = "postponed",
        /// The run was cancelled before it came to this copy.
        Cancelled = "cancelled",
    }
}

/// How many copies ended in each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CopyCounts {
    /// All copies.
    pub total: u64,
    /// Copies whose destination has what the source has: copied and equal ones.
    pub in_sync: u64,
    /// Copies that the run wrote.
    pub copied: u64,
    /// Copies that were already equal; nothing was written.
    pub equal: u64,
    /// Copies whose destination keeps another image under an immutable tag.
    pub kept: u64,
    /// Copies that failed.
    pub failed: u64,
    /// Copies left for a later run, to spare the rate limit of the source.
    pub postponed: u64,
    /// Copies that were not begun because the run was stopped.
    pub cancelled: u64,
}

/// What a run did about one copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunCopy {
    /// The position among the run's copies, counted from 1; 0 in events, where it is not known yet.
    pub number: u64,
    /// The source repository, with its registry.
    pub source: String,
    /// The tag or digest at the source.
    pub reference: String,
    /// The destination repository, with its registry.
    pub target: String,
    /// The tag or digest at the destination.
    pub target_reference: String,
    /// The digest at the source, where it is known.
    #[schema(value_type = Option<String>, required = true)]
    pub digest: Option<Digest>,
    /// How it ended.
    pub outcome: CopyOutcome,
    /// What went wrong.
    #[schema(required = true)]
    pub problem: Option<String>,
    /// What to do about the problem.
    #[schema(required = true)]
    pub hint: Option<String>,
    /// Bytes that were written to the destination.
    pub written: u64,
    /// Bytes that the destination took from another of its repositories.
    pub mounted: u64,
    /// Bytes that the destination had already.
    pub present: u64,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

/// A page of copies as they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CopyList {
    /// The copies, in order of source tags.
    pub copies: Vec<CopyStatus>,
    /// Whether more follow: ask again with `source` and `reference` of the last one.
    pub more: bool,
}

/// How a copy stood when it was last looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CopyStatus {
    /// The source repository, with its registry.
    pub source: String,
    /// The tag or digest at the source.
    pub reference: String,
    /// The destination repository, with its registry.
    pub target: String,
    /// The tag or digest at the destination.
    pub target_reference: String,
    /// The digest at the source, where it is known.
    #[schema(value_type = Option<String>, required = true)]
    pub digest: Option<Digest>,
    /// How it ended.
    pub outcome: CopyOutcome,
    /// What went wrong.
    #[schema(required = true)]
    pub problem: Option<String>,
    /// What to do about the problem.
    #[schema(required = true)]
    pub hint: Option<String>,
    /// When it was looked at.
    pub checked: Timestamp,
    /// When it was last known to be equal to its source.
    #[schema(required = true)]
    pub synced: Option<Timestamp>,
}
