//! One run, from its place in the queue to its record.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use entrepot_catalog::{Catalog, Cause, CopyOutcome, RunCopy, RunEnd, RunId, RunOutcome};
use entrepot_sync::{Event, Job, rules::Rule};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    sync::{Semaphore, mpsc},
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Clock, Metrics, Part, ProgressView,
    feed::{Feed, RunEvent, Settled},
    live::Live,
};

/// How often it is told, and written down, how far a run is.
const TICK: Duration = Duration::from_millis(250);
/// How many settled copies are written down at once.
const BATCH: usize = 500;
/// How many settled copies are told in one frame.
const TOLD_COPIES: usize = 50;

/// A run as somebody else carries it out.
#[derive(Debug)]
pub struct Order {
    /// What to do.
    pub rule: Rule,
    /// To what it is confined; the rule has only those sources and tags.
    pub part: Part,
    /// Where to tell what happens.
    pub told: mpsc::UnboundedSender<Happened>,
    /// Stop, and settle what is left as cancelled.
    pub cancel: CancellationToken,
}

/// What happens in a run.
#[derive(Debug)]
pub enum Happened {
    /// It is known what is to be done.
    Planned(Vec<Job>),
    /// A copy needs nothing done, or nothing can be done for it.
    Known(Box<RunCopy>),
    /// A job goes on.
    Event(Event),
}

/// Who carries runs out. An error is what kept the run from its work as a whole.
pub type Work = Arc<dyn Fn(Order) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// A run that goes on, or waits for its turn.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) id: RunId,
    pub(crate) rule: String,
    pub(crate) cause: Cause,
    pub(crate) part: Part,
    pub(crate) started: SystemTime,
    pub(crate) cancel: CancellationToken,
    live: Mutex<Live>,
}

impl Running {
    pub(crate) fn new(id: RunId, rule: String, cause: Cause, part: Part, started: SystemTime) -> Self {
        let cancel = CancellationToken::new();
        Self { id, rule, cause, part, started, cancel, live: Mutex::default() }
    }

    /// How far it is.
    pub(crate) fn view(&self) -> ProgressView {
        self.live(|live| ProgressView {
            run: self.id,
            rule: self.rule.clone(),
            cause: self.cause,
            part: (!self.part.is_whole()).then(|| self.part.to_string()),
            started: self.started,
            phase: live.phase(),
            wanted: live.wanted(),
            copies: live.counts(),
            bytes: live.bytes(),
            done: live.done(),
            read: live.read(),
            images: live.images(),
        })
    }

    fn live<T>(&self, with: impl FnOnce(&mut Live) -> T) -> T {
        with(&mut self.live.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What every run needs.
pub(crate) struct Carrier {
    pub(crate) catalog: Catalog,
    pub(crate) feed: Feed,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    /// How many runs go on at once.
    pub(crate) lanes: Semaphore,
}

impl Carrier {
    /// Waits for its turn, does the work and says how it ended. What is settled is written down on the way.
    pub(crate) async fn carry(&self, run: &Running, rule: Rule, work: &Work) -> RunEnd {
        let lane = tokio::select! {
            lane = self.lanes.acquire() => lane,
            () = run.cancel.cancelled() => return self.ended(run, Ok(())),
        };
        run.live(Live::looking);
        self.feed.tell(RunEvent::Progress(run.view()));
        let (told, happens) = mpsc::unbounded_channel();
        let order = Order { rule, part: run.part.clone(), told, cancel: run.cancel.clone() };
        // Work that panics, even before it is polled, must not leave its rule running for ever.
        let work = AssertUnwindSafe(async { work(order).await }).catch_unwind();
        let (done, ()) = tokio::join!(work, self.follow(run, happens));
        drop(lane);
        self.ended(
            run,
            done.unwrap_or_else(|_| {
                Err("this should not have happened; the server's log says more".to_owned())
            }),
        )
    }

    async fn follow(&self, run: &Running, mut happens: mpsc::UnboundedReceiver<Happened>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut notes = Notes { next: 1, settled: Vec::new(), moved: false };
        loop {
            tokio::select! {
                happened = happens.recv() => {
                    let Some(happened) = happened else { break };
                    self.take(run, happened, &mut notes);
                    if notes.settled.len() >= BATCH {
                        self.write_down(run, &mut notes).await;
                    }
                }
                _ = tick.tick() => self.write_down(run, &mut notes).await,
            }
        }
        self.write_down(run, &mut notes).await;
    }

    fn take(&self, run: &Running, happened: Happened, notes: &mut Notes) {
        notes.moved = true;
        let settled = run.live(|live| match &happened {
            Happened::Planned(jobs) => {
                live.planned(jobs);
                None
            }
            Happened::Known(settled) => Some(live.settled_beforehand(settled)),
            Happened::Event(event) => live.happened(event),
        });
        if let Happened::Event(Event::Progress { read, .. }) = happened {
            self.metrics.read(read);
        }
        if let Some(settled) = settled {
            self.metrics.settled(settled.outcome, settled.written);
            notes.settled.push(settled);
        }
    }

    async fn write_down(&self, run: &Running, notes: &mut Notes) {
        if !std::mem::take(&mut notes.moved) {
            return;
        }
        let settled = std::mem::take(&mut notes.settled);
        if !settled.is_empty() {
            let first = notes.next;
            let written =
                self.catalog.record_copies((run.id, &run.rule), first, &settled, (self.clock)()).await;
            match written {
                Ok(next) => notes.next = next,
                Err(error) => tracing::warn!(%error, rule = run.rule, "what a run settled cannot be kept"),
            }
            self.tell_settled(run, &settled);
        }
        self.feed.tell(RunEvent::Progress(run.view()));
    }

    fn tell_settled(&self, run: &Running, settled: &[RunCopy]) {
        let changes = settled.iter().filter(|done| done.outcome != CopyOutcome::Equal);
        let all = changes.clone().count();
        if all == 0 {
            return;
        }
        let told: Vec<_> = changes.take(TOLD_COPIES).cloned().collect();
        let more = all - told.len();
        self.feed.tell(RunEvent::Copies(Settled {
            run: run.id,
            rule: run.rule.clone(),
            changes: told,
            more,
        }));
    }

    fn ended(&self, run: &Running, done: Result<(), String>) -> RunEnd {
        let (counts, read, written) = run.live(|live| (live.counts(), live.read(), live.written()));
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

struct Notes {
    /// The number of the next row.
    next: u64,
    settled: Vec<RunCopy>,
    /// Whether anything happened since it was last told.
    moved: bool,
}
