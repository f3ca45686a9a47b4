//! A run: rules → survey → plan → copies → report.
//!
//! The plan is made first and can be shown; [`apply`] does exactly what it says. A run may be stopped at any time: the
//! destinations are the state, so the next run continues from there.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Instant, SystemTime},
};

use entrepot_oci::{Reference, Tag};
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::{
    CopyEvent, CopyFailure, CopyJob, CopyResult, Place, Plan, PlanAction, PlanCounts, Registries, Report,
    ReportState, RunLimits, perform, plan, prune::remove_tag, report::RunResults, rules::RuleSet,
    survey::Survey,
};

/// The number of concurrent tag removals.
const REMOVALS: usize = 8;

/// Options for applying a plan.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Remove the extra tags that the plan lists; otherwise they are only listed.
    pub prune: bool,
    /// Concurrency limits.
    pub limits: RunLimits,
}

/// Surveys everything `rules` refer to and makes a plan; `None` if cancelled first.
pub async fn prepare(
    registries: &Arc<dyn Registries>,
    rules: &RuleSet,
    cancel: &CancellationToken,
) -> Option<Plan> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => None,
        survey = Survey::take(registries, rules) => Some(plan(rules, &survey)),
    }
}

/// The sync state of each of `rules`; `None` if cancelled first. Nothing is written.
pub async fn check(
    registries: &Arc<dyn Registries>,
    rules: &RuleSet,
    cancel: &CancellationToken,
) -> Option<Vec<(String, PlanCounts)>> {
    prepare(registries, rules, cancel).await.map(|plan| plan.counts_by_rule())
}

/// Applies a plan. Jobs in `events` are numbered as in [`Plan::jobs`].
pub async fn apply(
    registries: &Arc<dyn Registries>,
    plan: Plan,
    options: Options,
    cancel: CancellationToken,
    events: UnboundedSender<CopyEvent>,
) -> Report {
    let (started, clock) = (SystemTime::now(), Instant::now());
    let mut jobs = plan.jobs.clone();
    let attached = jobs.split_off(plan.images.min(jobs.len()));
    // Attached tags follow their images, so that a registry never has a signature without its image.
    let first = jobs.len();
    let mut rows = perform(registries.clone(), jobs, options.limits, cancel.clone(), events.clone()).await;
    rows.extend(behind(registries, attached, options.limits, &cancel, (first, &events)).await);
    // A cancelled run removes nothing.
    let prune = options.prune && !cancel.is_cancelled();
    let removals = if prune { remove(registries, &plan, &rows).await } else { HashMap::new() };
    let lasting = plan.lasting.clone();
    let report = Report::new(plan, RunResults { rows, removals }, (started, clock.elapsed()));
    let cache = registries.cache();
    for line in report
        .lines
        .iter()
        .filter(|line| matches!(line.state, ReportState::UpToDate | ReportState::Copied { .. }))
    {
        let Some(tag) = &line.target_tag else { continue };
        if lasting.contains(&(line.target.clone(), tag.clone())) {
            cache.verify(&line.target.with_tag(tag)).await;
        }
    }
    report
}

// A second round, whose jobs are numbered after those of the first.
async fn behind(
    registries: &Arc<dyn Registries>,
    jobs: Vec<CopyJob>,
    limits: RunLimits,
    cancel: &CancellationToken,
    (first, events): (usize, &UnboundedSender<CopyEvent>),
) -> Vec<CopyResult> {
    if jobs.is_empty() {
        return Vec::new();
    }
    let (sender, mut receiver) = unbounded_channel();
    let renumbered = async {
        while let Some(event) = receiver.recv().await {
            // There may be no listener.
            drop(events.send(moved(event, first)));
        }
    };
    let performed = perform(registries.clone(), jobs, limits, cancel.clone(), sender);
    let (rows, ()) = futures_util::future::join(performed, renumbered).await;
    rows
}

fn moved(event: CopyEvent, by: usize) -> CopyEvent {
    match event {
        CopyEvent::Started { job } => CopyEvent::Started { job: job + by },
        CopyEvent::Sized { job, bytes } => CopyEvent::Sized { job: job + by, bytes },
        CopyEvent::Progress { job, bytes, read } => CopyEvent::Progress { job: job + by, bytes, read },
        CopyEvent::Settled { job, target, row } => CopyEvent::Settled { job: job + by, target, row },
    }
}

type Removals = HashMap<(Place, Tag), Result<(), CopyFailure>>;

// Removes the tags the plan lists, except backups that this run has just written.
async fn remove(registries: &Arc<dyn Registries>, plan: &Plan, rows: &[CopyResult]) -> Removals {
    let written = |place: &Place, tag: &Tag| {
        rows.iter().any(|row| row.target == *place && row.target_reference == Reference::Tag(tag.clone()))
    };
    let extras = plan.steps.iter().filter(|step| step.action == PlanAction::Extra);
    let tags = extras.filter_map(|step| Some((step.target.clone(), step.target_tag.clone()?)));
    let removals = tags.filter(|(place, tag)| !written(place, tag)).map(|(place, tag)| async move {
        let removed = remove_tag(registries, &place, &tag).await;
        ((place, tag), removed)
    });
    stream::iter(removals).buffer_unordered(REMOVALS).collect().await
}
