//! How a run is carried out: what is there, what is to be done, doing it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use entrepot_catalog::{Copy, CopyOutcome, RunCopy};
use entrepot_oci::{Reference, Tag};
use entrepot_scheduler::{Happened, Order, Work};
use entrepot_sync::{Action, Event, Options, Place, Step, World, apply, prepare, rules::RuleSet};
use tokio::{runtime::Handle, sync::mpsc};

/// Carries runs out in `world`, each on a thread of its own: helpers for logins are programs that are waited for.
pub(super) fn work(world: Arc<dyn World>) -> Work {
    Arc::new(move |order| {
        let world = Arc::clone(&world);
        let threads = Handle::current();
        let carried = tokio::task::spawn_blocking(move || threads.block_on(carry_out(world, order)));
        // The panic hook has said more.
        let failed = |_| "this should not have happened; the server's log says more".to_owned();
        Box::pin(async move { carried.await.map_err(failed) })
    })
}

async fn carry_out(world: Arc<dyn World>, order: Order) {
    let Order { rule, told, cancel, .. } = order;
    let rules = RuleSet::of(rule);
    let Some(plan) = prepare(&world, &rules, &cancel).await else { return };
    plan.notes.iter().for_each(|note| tracing::info!("{note}"));
    for known in plan.steps.iter().filter_map(known) {
        tell(&told, Happened::Known(Box::new(known)));
    }
    let wanted = Wanted::of(&plan.steps);
    tell(&told, Happened::Planned(plan.jobs.clone()));
    let (events, mut happens) = mpsc::unbounded_channel();
    let pass_on = async {
        while let Some(event) = happens.recv().await {
            tell(&told, Happened::Event(wanted.named(event)));
        }
    };
    tokio::join!(apply(&world, plan, Options::default(), cancel, events), pass_on);
}

// Nobody may listen any more.
fn tell(told: &mpsc::UnboundedSender<Happened>, happened: Happened) {
    let _ = told.send(happened);
}

/// What source tag each target is wanted for. A job has one name, though several tags may point at what it copies.
struct Wanted(HashMap<(Place, Tag), (Place, Tag)>);

impl Wanted {
    fn of(steps: &[Step]) -> Self {
        let named = steps.iter().filter(|step| step.action.is_work()).filter_map(|step| {
            let target = (step.target.clone(), step.target_tag.clone()?);
            Some((target, (step.source.clone(), step.tag.clone()?)))
        });
        Self(named.collect())
    }

    fn named(&self, mut event: Event) -> Event {
        if let Event::Settled { row, .. } = &mut event
            && let Reference::Tag(tag) = &row.target_reference
            && let Some((source, name)) = self.0.get(&(row.target.clone(), tag.clone()))
        {
            row.source = source.clone();
            row.reference = Reference::Tag(name.clone());
        }
        event
    }
}

/// What is settled as soon as it is planned.
fn known(step: &Step) -> Option<RunCopy> {
    let (outcome, problem, hint) = match &step.action {
        Action::UpToDate | Action::SameByRecord | Action::Verified => (CopyOutcome::Equal, None, None),
        Action::Kept => {
            let why = "it differs, and its tag never changes there".to_owned();
            (CopyOutcome::Kept, Some(why), None)
        }
        Action::Failed { what, hint, .. } => (CopyOutcome::Failed, Some(what.clone()), hint.clone()),
        Action::Copy | Action::Update { .. } | Action::Referrers | Action::Extra => return None,
    };
    // What is said about a whole repository is said once, under no tag.
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
