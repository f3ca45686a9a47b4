//! One run, from its place in the queue to how it ended: it is executed, and its updates go to the catalog, to the
//! metrics and to listeners.

use std::{panic::AssertUnwindSafe, time::Duration};

use entrepot_catalog::{Catalog, CopyOutcome, RunCopy, RunEnd, RunOutcome, SettledCopies};
use entrepot_events::EventSender;
use entrepot_sync::{
    CopyEvent,
    rules::{RuleSet, SyncRule},
};
use futures_util::FutureExt;
use tokio::{
    sync::{Semaphore, mpsc},
    time::MissedTickBehavior,
};
use tracing::{Instrument as _, field::Empty, trace_span};

use crate::{
    active::ActiveRun,
    clock::Clock,
    events::{Events, RunCopies, RunEvent},
    metrics::SchedulerMetrics,
    progress::RunProgress,
    task::{Executor, Task, Update},
};

/// How often progress is recorded and sent to listeners.
const TICK: Duration = Duration::from_millis(250);
/// How many settled copies are recorded in one transaction.
const BATCH: usize = 500;
/// How many settled copies one event lists.
const LISTED_COPIES: usize = 50;

/// The rule of a run, and the same as a set that knows where other rules write.
pub(crate) struct Order {
    pub(crate) rule: SyncRule,
    pub(crate) set: RuleSet,
}

/// What all runs share.
pub(crate) struct Runner {
    pub(crate) catalog: Catalog,
    pub(crate) events: Events,
    pub(crate) metrics: SchedulerMetrics,
    pub(crate) clock: Clock,
    /// What operators hear goes here.
    pub(crate) operators: EventSender,
    /// One permit for each run that may be at work.
    pub(crate) slots: Semaphore,
}

impl Runner {
    /// Waits for a slot, executes the run and says how it ended. What it settles is recorded on the way.
    pub(crate) async fn run(&self, run: &ActiveRun, order: Order, executor: &Executor) -> RunEnd {
        let slot = tokio::select! {
            slot = self.slots.acquire() => slot,
            () = run.cancel.cancelled() => return self.end(run, Ok(())),
        };
        run.progress(RunProgress::begin);
        self.events.send(RunEvent::Progress(run.view()));
        let (updates, received) = mpsc::unbounded_channel();
        let (part, cancel) = (run.part.clone(), run.cancel.clone());
        let Order { rule, set } = order;
        let task = Task { rule, set, part, prune: None, updates, cancel };
        // An executor that panics, even before it is polled, must not leave its rule running for ever.
        let span = trace_span!(target: "otlp", "sync", rule = run.rule, run = %run.id, error = Empty);
        let execute = async { executor(task).await }.instrument(span.clone());
        let execute = AssertUnwindSafe(execute).catch_unwind();
        let (done, ()) = tokio::join!(execute, self.follow(run, received));
        drop(slot);
        let panicked = |_| Err("this should not have happened; the server's log says more".to_owned());
        let end = self.end(run, done.unwrap_or_else(panicked));
        if end.outcome != RunOutcome::Done {
            span.record("error", end.outcome.as_str());
        }
        end
    }

    async fn follow(&self, run: &ActiveRun, mut updates: mpsc::UnboundedReceiver<Update>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pending = Pending { next: 1, settled: Vec::new(), has_news: false };
        loop {
            tokio::select! {
                update = updates.recv() => {
                    let Some(update) = update else { break };
                    if let Update::Extras(tags) = &update {
                        self.list_extras(&run.rule, run.id, tags).await;
                    }
                    self.take(run, update, &mut pending);
                    if pending.settled.len() >= BATCH {
                        self.flush(run, &mut pending).await;
                    }
                }
                _ = tick.tick() => self.flush(run, &mut pending).await,
            }
        }
        self.flush(run, &mut pending).await;
    }

    fn take(&self, run: &ActiveRun, update: Update, pending: &mut Pending) {
        pending.has_news = true;
        let settled = match update {
            Update::Planned(jobs) => {
                run.progress(|progress| progress.planned(&jobs));
                None
            }
            Update::Settled(settled) => {
                run.progress(|progress| progress.settled_by_plan(settled.outcome));
                Some(*settled)
            }
            Update::Extras(_) | Update::Pruned(_) => None,
            Update::Event(event) => {
                if let CopyEvent::Progress { read, .. } = event {
                    self.metrics.read(read);
                }
                run.progress(|progress| progress.advance(&event))
            }
        };
        if let Some(settled) = settled {
            self.metrics.settled(settled.outcome, settled.written);
            pending.settled.push(settled);
        }
    }

    async fn flush(&self, run: &ActiveRun, pending: &mut Pending) {
        if !std::mem::take(&mut pending.has_news) {
            return;
        }
        let settled = std::mem::take(&mut pending.settled);
        if !settled.is_empty() {
            let batch = SettledCopies {
                run: run.id,
                rule: &run.rule,
                first: pending.next,
                copies: &settled,
                at: (self.clock)(),
            };
            match self.catalog.record_copies(&batch).await {
                Ok(next) => pending.next = next,
                Err(error) => tracing::warn!(%error, rule = run.rule, "what a run settled cannot be kept"),
            }
            self.send_settled(run, &settled);
        }
        self.events.send(RunEvent::Progress(run.view()));
    }

    fn send_settled(&self, run: &ActiveRun, settled: &[RunCopy]) {
        let changes = settled.iter().filter(|done| done.outcome != CopyOutcome::Equal);
        let all = changes.clone().count();
        if all == 0 {
            return;
        }
        let listed: Vec<_> = changes.take(LISTED_COPIES).cloned().collect();
        let more = all - listed.len();
        self.events.send(RunEvent::Copies(RunCopies {
            run: run.id,
            rule: run.rule.clone(),
            changes: listed,
            more,
        }));
    }

    fn end(&self, run: &ActiveRun, done: Result<(), String>) -> RunEnd {
        let (counts, read, written) =
            run.progress(|progress| (progress.counts(), progress.read(), progress.written()));
        let problem = done.err();
        let is_behind = counts.failed + counts.postponed + counts.cancelled > 0;
        let outcome = if run.cancel.is_cancelled() {
            RunOutcome::Cancelled
        } else if problem.is_some() || is_behind {
            RunOutcome::Failed
        } else {
            RunOutcome::Done
        };
        RunEnd { at: (self.clock)(), outcome, problem, counts, written, read }
    }
}

/// What is not yet recorded or sent.
struct Pending {
    /// The number of the next row.
    next: u64,
    settled: Vec<RunCopy>,
    has_news: bool,
}
