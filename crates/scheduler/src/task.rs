//! What a run is to do, as it is handed to whoever executes it, and what is heard of it meanwhile.

use std::sync::Arc;

use entrepot_catalog::RunCopy;
use entrepot_sync::{
    CopyEvent, CopyJob, ExtraTag, PruneResult,
    rules::{RuleSet, SyncRule},
};
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::part::RunScope;

/// A run to execute.
#[derive(Debug)]
pub struct Task {
    /// What to do. A run that is confined to a part has only those sources and tags in it.
    pub rule: SyncRule,
    /// The same as a set, which knows where other rules write.
    pub set: RuleSet,
    /// What the run is confined to.
    pub part: RunScope,
    /// Copy nothing, and remove these tags as far as they are still what they were when they were listed.
    pub prune: Option<Vec<ExtraTag>>,
    /// Where to report what happens.
    pub updates: mpsc::UnboundedSender<Update>,
    /// When cancelled: stop, and settle what is left as cancelled.
    pub cancel: CancellationToken,
}

/// Something that happens in a run.
#[derive(Debug)]
pub enum Update {
    /// The plan is made; these jobs are to be done.
    Planned(Vec<CopyJob>),
    /// A copy was settled by the plan alone: it needs nothing done, or nothing can be done for it.
    Settled(Box<RunCopy>),
    /// These are the tags at destinations that no rule writes: all of them.
    Extras(Vec<ExtraTag>),
    /// This became of tags that were to be removed.
    Pruned(Vec<(ExtraTag, PruneResult)>),
    /// A job makes progress.
    Event(CopyEvent),
}

/// Executes runs. An error is what kept a run as a whole from its work; failures of single copies are updates.
pub type Executor = Arc<dyn Fn(Task) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;
