//! Tags at destinations that no rule writes.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{run_id::RunId, timestamp::Timestamp, words::words};

words! {
    /// How a list of tags stands.
    PruneStatus {
        /// Nobody has decided yet.
        Waiting = "waiting",
        /// Nobody has decided, and it is too old now. The next run makes a new one.
        Expired = "expired",
        /// Somebody approved it, and its tags are being removed.
        Approved = "approved",
        /// It was approved, and is dealt with.
        Done = "done",
        /// Somebody rejected it: it is not made again as long as nothing else is found.
        Rejected = "rejected",
        /// A later run found something else.
        Replaced = "replaced",
        /// It was approved, and the server ended before it was dealt with. The next run makes a new one.
        Interrupted = "interrupted",
    }
}

words! {
    /// What became of a tag of a list.
    PruneOutcome {
        /// Nothing so far.
        Listed = "listed",
        /// It is removed.
        Removed = "removed",
        /// It is left alone: it is not what it was when it was listed, or a rule writes it now.
        Kept = "kept",
        /// It could not be removed.
        Failed = "failed",
    }
}

/// A list of tags that no rule writes, made by a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Prune {
    /// Its id, which rises with time.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// The run that found the tags.
    #[schema(value_type = String)]
    pub run: RunId,
    /// The digest of the list: of a line `REPOSITORY:TAG DIGEST` for each tag. Whoever decides says which list they have seen.
    pub digest: String,
    /// How many tags it has.
    pub tags: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When it can no longer be approved.
    pub expires: Timestamp,
    /// How it stands.
    pub status: PruneStatus,
    /// Who decided.
    #[schema(required = true)]
    pub decided_by: Option<String>,
    /// When.
    #[schema(required = true)]
    pub decided: Option<Timestamp>,
}

/// A page of lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PruneList {
    /// The lists, the latest first.
    pub prunes: Vec<Prune>,
    /// Whether more follow: ask again with `before` the id of the last one.
    pub more: bool,
}

/// A tag of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PruneTag {
    /// Its number in the list, from 1 on.
    pub number: u64,
    /// The repository, with its registry.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// What it led to when it was listed.
    pub digest: String,
    /// What became of it.
    pub outcome: PruneOutcome,
    /// Why it could not be removed.
    #[schema(required = true)]
    pub problem: Option<String>,
    /// What to do about that.
    #[schema(required = true)]
    pub hint: Option<String>,
}

/// A list, and a page of its tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PruneDetail {
    /// The list.
    pub prune: Prune,
    /// The tags.
    pub tags: Vec<PruneTag>,
    /// Whether more follow: ask again with `after` the number of the last one.
    pub more: bool,
}

/// What somebody decides about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PruneDecision {
    /// The digest of the list that they have seen.
    pub digest: String,
}

/// Which lists to show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PruneListQuery {
    /// Only those of this rule.
    pub rule: Option<String>,
    /// Only those before this one.
    pub before: Option<String>,
    /// How many, 1 to 1000; 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    pub n: Option<usize>,
}

/// Which of a list's tags to show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PruneQuery {
    /// Only those with greater numbers.
    pub after: Option<u64>,
    /// How many, 1 to 1000; 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    pub n: Option<usize>,
}
