//! Runs of rules: asked for, going on, ended.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    cause::Cause,
    copy::{CopyCounts, RunCopy},
    progress::Progress,
    run_id::RunId,
    timestamp::Timestamp,
    words::words,
};

words! {
    /// The state or the result of a run.
    RunOutcome {
        /// It is active.
        Running = "running",
        /// Every copy is in sync, or kept on purpose.
        Done = "done",
        /// A copy is not in sync, or the run could not do its work at all.
        Failed = "failed",
        /// It was told to stop.
        Cancelled = "cancelled",
        /// The server ended during the run.
        Interrupted = "interrupted",
    }
}

words! {
    /// What a request about a run came to.
    RunReply {
        /// A run was begun.
        Started = "started",
        /// A run that does what was asked for was going on already.
        Joined = "joined",
        /// The run was told to stop and will end soon.
        Cancelling = "cancelling",
    }
}

/// The body of a request to run a rule. Without a body, or with an empty object, the whole rule runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// The image to copy, with a tag or all tags of the repository: `quay.io/ascend/cann:8.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The tag to copy, where `image` names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// The answer to a request to begin or to cancel a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunAnswer {
    /// The run.
    pub run: RunId,
    /// What the request came to.
    pub outcome: RunReply,
}

/// A page of runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunList {
    /// The runs, the latest first.
    pub runs: Vec<Run>,
    /// Whether more follow: ask again with `before` as the id of the last one.
    pub more: bool,
}

/// A run of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The rule.
    pub rule: String,
    /// Why it was begun.
    pub cause: Cause,
    /// The image that it was confined to, if it was.
    #[schema(required = true)]
    pub part: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    #[schema(required = true)]
    pub ended: Option<Timestamp>,
    /// Its state or result.
    pub outcome: RunOutcome,
    /// What kept it from doing its work at all.
    #[schema(required = true)]
    pub problem: Option<String>,
    /// How its copies ended.
    pub copies: CopyCounts,
    /// Bytes that were written to destinations.
    pub written: u64,
    /// Bytes that were read from sources.
    pub read: u64,
}

/// A run, and a page of what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub run: Run,
    /// Its progress, while it is active.
    #[schema(required = true)]
    pub progress: Option<Progress>,
    /// What it did about its copies; equal ones are only counted.
    pub changes: Vec<RunCopy>,
    /// Whether more follow: ask again with `after` as the number of the last one.
    pub more: bool,
}
