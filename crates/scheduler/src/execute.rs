//! Executes a run with `sync`: survey, plan, copy.

use std::{collections::HashMap, sync::Arc, time::Duration};

use entrepot_catalog::{Copy, CopyOutcome, RunCopy};
use entrepot_oci::{Reference, Tag};
use entrepot_sync::{
    CopyEvent, ExtraTag, Options, Place, Plan, PlanAction, PlanStep, Registries, apply, extra_tags, prepare,
    prune,
};
use tokio::{runtime::Handle, sync::mpsc};
use tracing::{Instrument as _, Span};

use crate::task::{Executor, Task, Update};

/// Executes runs with `registries`, each run on a thread of its own: credential helpers are programs, and finding a login
/// blocks until they have answered.
pub fn executor(registries: Arc<dyn Registries>) -> Executor {
    Arc::new(move |task| {
        let registries = Arc::clone(&registries);
        let runtime = Handle::current();
        let span = Span::current();
        let executed =
            tokio::task::spawn_blocking(move || runtime.block_on(execute(registries, task).instrument(span)));
        // The panic hook has logged more.
        let failed = |_| "this should not have happened; the server's log says more".to_owned();
        Box::pin(async move { executed.await.map_err(failed) })
    })
}

async fn execute(registries: Arc<dyn Registries>, task: Task) {
    let Task { rule, set, part, prune: listed, updates, cancel } = task;
    let Some(plan) = prepare(&registries, &set, &cancel).await else { return };
    if let Some(listed) = listed {
        return send(&updates, Update::Pruned(prune(&registries, &plan, listed).await));
    }
    plan.notes.iter().for_each(|note| tracing::info!("{note}"));
    for settled in plan.steps.iter().filter_map(settled_by_plan) {
        send(&updates, Update::Settled(Box::new(settled)));
    }
    let extras = match part.is_whole() && rule.lists_extra_tags() {
        true => found_extras(&registries, &plan).await,
        false => None,
    };
    let sources = SourceTags::of(&plan.steps);
    send(&updates, Update::Planned(plan.jobs.clone()));
    let (events, mut received) = mpsc::unbounded_channel();
    let forward = async {
        while let Some(event) = received.recv().await {
            send(&updates, Update::Event(sources.named(event)));
        }
    };
    tokio::join!(apply(&registries, plan, Options::default(), cancel, events), forward);
    if let Some(extras) = extras {
        send(&updates, Update::Extras(extras));
    }
}

// The tags that no rule writes; `None` if it is uncertain whether there are any.
async fn found_extras(registries: &Arc<dyn Registries>, plan: &Plan) -> Option<Vec<ExtraTag>> {
    let found = extra_tags(registries, plan).await;
    Some(found).filter(|found| !found.is_empty() || plan.notes.is_empty())
}

// The receiver may be gone.
fn send(updates: &mpsc::UnboundedSender<Update>, update: Update) {
    let _ = updates.send(update);
}

/// The source tag that each target tag is copied from. A job carries one source tag, though several tags may point at the
/// image that it copies.
struct SourceTags(HashMap<(Place, Tag), (Place, Tag)>);

impl SourceTags {
    fn of(steps: &[PlanStep]) -> Self {
        let named = steps.iter().filter(|step| step.action.is_work()).filter_map(|step| {
            let target = (step.target.clone(), step.target_tag.clone()?);
            Some((target, (step.source.clone(), step.tag.clone()?)))
        });
        Self(named.collect())
    }

    fn named(&self, mut event: CopyEvent) -> CopyEvent {
        if let CopyEvent::Settled { row, .. } = &mut event
            && let Reference::Tag(tag) = &row.target_reference
            && let Some((source, name)) = self.0.get(&(row.target.clone(), tag.clone()))
        {
            row.source = source.clone();
            row.reference = Reference::Tag(name.clone());
        }
        event
    }
}

/// The record of a step that needs nothing done, or for which nothing can be done.
fn settled_by_plan(step: &PlanStep) -> Option<RunCopy> {
    let (outcome, problem, hint) = match &step.action {
        PlanAction::UpToDate | PlanAction::SameByRecord | PlanAction::Verified => {
            (CopyOutcome::Equal, None, None)
        }
        PlanAction::Kept => {
            let why = "it differs, and its tag never changes there".to_owned();
            (CopyOutcome::Kept, Some(why), None)
        }
        PlanAction::Failed { what, hint, .. } => (CopyOutcome::Failed, Some(what.clone()), hint.clone()),
        PlanAction::Copy | PlanAction::Update { .. } | PlanAction::Referrers | PlanAction::Extra => {
            return None;
        }
    };
    // A failure of a whole repository is recorded once, with no tag.
    let text = |tag: &Option<Tag>| tag.as_ref().map_or_else(|| "*".to_owned(), ToString::to_string);
    Some(RunCopy {
        copy: Copy {
            source: step.source.to_string(),
            reference: text(&step.tag),
            target: step.target.to_string(),
            target_reference: text(&step.target_tag),
        },
        digest: step.digest,
        outcome,
        problem,
        hint,
        written: 0,
        mounted: 0,
        present: 0,
        took: Duration::ZERO,
    })
}
