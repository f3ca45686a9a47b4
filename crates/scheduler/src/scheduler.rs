//! Begins, joins and cancels runs, and keeps the state of all rules.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use entrepot_catalog::{
    Catalog, Cause, CopyCounts, Instance, InstanceId, LockHolder, NewRun, RunEnd, RunId, RunOutcome,
    RunRecord, ServerLock,
};
use entrepot_events::{EventSender, SyncRunState};
use entrepot_sync::rules::{RuleSet, SyncRule};
use tokio::{
    runtime::Handle,
    sync::{Notify, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    active::ActiveRun,
    clock::Clock,
    error::Error,
    events::{Events, RunEvent},
    metrics::SchedulerMetrics,
    news::{news, state_of},
    ownership::{HEARTBEAT, Owner, Ownership},
    part::RunScope,
    runner::{Order, Runner},
    task::Executor,
    timetable::{ScheduledRule, Timetable},
    view::RefusedReload,
};

/// How many rules are at work at once; each of them copies many images at once.
const MAX_AT_WORK: usize = 4;
/// How long runs have to stop when the server does.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many runs of a rule are looked at to know how it stands: some may have been stopped.
const LOOKED_AT: usize = 10;

/// What a scheduler is made of.
pub struct SchedulerParts {
    /// Where runs are recorded.
    pub catalog: Catalog,
    /// This server.
    pub instance: Instance,
    /// Its right to be the only one that works with the catalog.
    pub lock: ServerLock,
    /// The rules.
    pub rules: RuleSet,
    /// What executes them.
    pub executor: Executor,
    /// Counters.
    pub metrics: SchedulerMetrics,
    /// Where it is told what operators want to hear.
    pub events: EventSender,
    /// The current time.
    pub clock: Clock,
}

/// What came of asking for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartOutcome {
    /// A new run.
    Started(RunId),
    /// A run was active already that does what was asked for.
    Joined(RunId),
}

/// Why [`Scheduler::work`] returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkEnd {
    /// It was told to stop.
    Stopped,
    /// The lock on the database was lost, and another server has it now: this one must end.
    Superseded(LockHolder),
}

/// Runs rules. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct Scheduler(Arc<SchedulerInner>);

struct SchedulerInner {
    runner: Runner,
    instance: InstanceId,
    ownership: tokio::sync::Mutex<Ownership>,
    state: Mutex<SchedulerState>,
    /// Held while a run is begun, so that no two runs of one rule begin at once.
    beginning: tokio::sync::Mutex<()>,
    /// Something may be due earlier than was known.
    woken: Notify,
    tasks: TaskTracker,
    /// Where runs go on: whoever asks for one may do so on a thread that ends, or that serves something else.
    runtime: Handle,
}

pub(crate) struct SchedulerState {
    pub(crate) rules: RuleSet,
    executor: Executor,
    pub(crate) refused: Option<RefusedReload>,
    pub(crate) timetable: Timetable,
    pub(crate) running: BTreeMap<String, Arc<ActiveRun>>,
    pub(crate) standing: BTreeMap<String, RuleResult>,
    /// The lock on the database is lost.
    lock_lost: bool,
    stopping: bool,
}

impl SchedulerState {
    fn may_begin(&self) -> Result<(), Error> {
        match (self.stopping, self.lock_lost) {
            (true, _) => Err(Error::Stopping),
            (false, true) => Err(Error::LockLost),
            (false, false) => Ok(()),
        }
    }
}

/// How a rule stood after its last run.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleResult {
    pub(crate) counts: CopyCounts,
    pub(crate) last: Option<RunRecord>,
    /// What the last run said that was not stopped.
    pub(crate) state: Option<SyncRunState>,
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scheduler")
    }
}

impl Scheduler {
    /// A scheduler that begins nothing by itself until [`Scheduler::work`]. Runs that were active when the server before
    /// this one ended are recorded as interrupted.
    ///
    /// # Errors
    /// The catalog failed.
    pub async fn open(parts: SchedulerParts) -> Result<Self, Error> {
        let SchedulerParts { catalog, instance, lock, rules, executor, metrics, events, clock } = parts;
        let (id, now) = (instance.id, clock());
        let mut ownership = Ownership::new(catalog.clone(), instance, lock, now);
        ownership.beat(false, now).await?;
        catalog.interrupt_prunes().await?;
        let slots = Semaphore::new(MAX_AT_WORK);
        let state = SchedulerState {
            rules: RuleSet::default(),
            executor: Arc::clone(&executor),
            refused: None,
            timetable: Timetable::default(),
            running: BTreeMap::new(),
            standing: BTreeMap::new(),
            lock_lost: false,
            stopping: false,
        };
        let inner = SchedulerInner {
            runner: Runner { catalog, events: Events::new(), metrics, clock, operators: events, slots },
            instance: id,
            ownership: tokio::sync::Mutex::new(ownership),
            state: Mutex::new(state),
            beginning: tokio::sync::Mutex::new(()),
            woken: Notify::new(),
            tasks: TaskTracker::new(),
            runtime: Handle::current(),
        };
        let scheduler = Self(Arc::new(inner));
        scheduler.replace(rules, executor).await?;
        Ok(scheduler)
    }

    /// Replaces all rules. Active runs go on as they were begun.
    ///
    /// # Errors
    /// The catalog failed; then nothing is changed.
    pub async fn replace(&self, rules: RuleSet, executor: Executor) -> Result<(), Error> {
        let (mut known, mut standing) = (Vec::new(), BTreeMap::new());
        for SyncRule { name, schedule, .. } in rules.rules() {
            let last = self.catalog().last_whole_run(name).await?;
            known.push(ScheduledRule { name: name.clone(), schedule: schedule.clone(), last });
            standing.insert(name.clone(), self.look_up(name).await?);
        }
        let now = self.now();
        let mut state = self.state();
        state.timetable.replace(known, now);
        (state.rules, state.executor, state.standing, state.refused) = (rules, executor, standing, None);
        drop(state);
        self.events().send(RunEvent::Rules);
        self.0.woken.notify_one();
        Ok(())
    }

    /// Records why a changed configuration was not taken. It is shown until one is taken.
    pub fn refuse(&self, problem: String, hint: Option<String>) {
        let at = self.now();
        self.state().refused = Some(RefusedReload { at, problem, hint });
        self.events().send(RunEvent::Rules);
    }

    /// Begins runs when they are due, until `stop` or until another server has taken over the database. Then active runs
    /// are told to stop, and waited for. The lock on the database is given back with the last clone of the scheduler.
    pub async fn work(&self, stop: CancellationToken) -> WorkEnd {
        let mut ownership = self.0.ownership.lock().await;
        let end = loop {
            if let Some(holder) = self.keep_ownership(&mut ownership).await {
                break WorkEnd::Superseded(holder);
            }
            if !self.state().lock_lost {
                self.begin_due().await;
            }
            tokio::select! {
                () = tokio::time::sleep(self.until_next()) => {}
                () = self.0.woken.notified() => {}
                () = stop.cancelled() => break WorkEnd::Stopped,
            }
        };
        self.stop().await;
        end
    }

    /// Makes [`Scheduler::work`] look at the clock at once.
    pub fn wake(&self) {
        self.0.woken.notify_one();
    }

    // At most one heartbeat: the clock of the machine may be set meanwhile.
    fn until_next(&self) -> Duration {
        let state = self.state();
        let next = state.timetable.next().filter(|_| !state.lock_lost);
        next.map_or(HEARTBEAT, |at| at.duration_since(self.now()).unwrap_or_default()).min(HEARTBEAT)
    }

    /// Returns the server that has taken over, if one has.
    async fn keep_ownership(&self, ownership: &mut Ownership) -> Option<LockHolder> {
        let now = self.now();
        if !ownership.is_due(now) {
            return None;
        }
        let owner = ownership.check(now).await;
        let has_runs = {
            let mut state = self.state();
            state.lock_lost = owner != Owner::Us;
            !state.running.is_empty()
        };
        match owner {
            Owner::Other(holder) => return Some(holder),
            Owner::Nobody => {}
            Owner::Us => {
                if let Err(error) = ownership.beat(has_runs, now).await {
                    tracing::warn!(%error, "the heartbeat of syncs cannot be recorded");
                }
            }
        }
        None
    }

    async fn stop(&self) {
        let running: Vec<_> = {
            let mut state = self.state();
            state.stopping = true;
            state.running.values().cloned().collect()
        };
        running.iter().for_each(|run| run.cancel.cancel());
        self.0.tasks.close();
        if tokio::time::timeout(PATIENCE, self.0.tasks.wait()).await.is_err() {
            tracing::warn!("syncs do not stop in time; the next start goes on with them");
        }
        self.events().close();
    }

    async fn begin_due(&self) {
        let due = {
            let mut state = self.state();
            state.timetable.due(self.now())
        };
        for (rule, cause) in due {
            match self.begin(&rule, cause, RunScope::default()).await {
                // A request was quicker. A whole run stands for this one; after a partial one the rule is due again.
                Ok(_) | Err(Error::Busy { .. }) => {}
                Err(error) => {
                    tracing::error!(%error, rule, "a sync cannot begin");
                    let now = self.now();
                    self.state().timetable.ended(&rule, true, now);
                }
            }
        }
    }

    /// Begins a run of a rule, or of a part of it, now.
    ///
    /// # Errors
    /// There is no such rule, it has no such source or tag, it is running for another part, the lock on the database is
    /// lost, or the server is shutting down.
    pub async fn run_now(&self, rule: &str, scope: RunScope) -> Result<StartOutcome, Error> {
        self.begin(rule, Cause::Hand, scope).await
    }

    async fn begin(&self, name: &str, cause: Cause, scope: RunScope) -> Result<StartOutcome, Error> {
        let _alone = self.0.beginning.lock().await;
        let (order, executor) = {
            let state = self.state();
            state.may_begin()?;
            let known = state.rules.rules().iter().find(|rule| rule.name == name);
            let rule = scope.of(known.ok_or_else(|| Error::UnknownRule(name.to_owned()))?)?;
            if let Some(run) = state.running.get(name) {
                if run.part.covers(&scope) {
                    return Ok(StartOutcome::Joined(run.id));
                }
                return Err(Error::Busy { rule: name.to_owned(), run: run.id });
            }
            (Order { set: state.rules.alone(rule.clone()), rule }, Arc::clone(&state.executor))
        };
        let now = self.now();
        let text = (!scope.is_whole()).then(|| scope.to_string());
        let new = NewRun { rule: name, cause, part: text.as_deref(), owner: self.0.instance, at: now };
        let id = self.catalog().begin_run(&new).await?;
        let run = Arc::new(ActiveRun::new(id, name.to_owned(), cause, scope, now));
        {
            let mut state = self.state();
            state.timetable.begun(name);
            state.running.insert(name.to_owned(), Arc::clone(&run));
        }
        tracing::info!(rule = name, run = %id, cause = cause.as_str(), "a sync begins");
        self.0.runner.metrics.begun();
        self.events().send(RunEvent::Began(run.view()));
        let scheduler = self.clone();
        self.spawn(async move { scheduler.run_to_end(&run, order, executor).await });
        Ok(StartOutcome::Started(id))
    }

    async fn run_to_end(&self, run: &ActiveRun, order: Order, executor: Executor) {
        let mut end = self.0.runner.run(run, order, &executor).await;
        if end.outcome == RunOutcome::Cancelled && self.state().stopping {
            end.outcome = RunOutcome::Interrupted;
        }
        if let Err(error) = self.record(run, &end).await {
            tracing::error!(%error, rule = run.rule, "how a sync ended cannot be kept");
        }
        log_end(run, &end);
        self.0.runner.metrics.ended(end.outcome);
        let standing = self.look_up(&run.rule).await;
        let last = standing.as_ref().ok().and_then(|standing| standing.last.clone());
        let before = {
            let mut state = self.state();
            let before = state.standing.get(&run.rule).and_then(|standing| standing.state);
            state.running.remove(&run.rule);
            if let (Ok(standing), true) = (standing, state.standing.contains_key(&run.rule)) {
                state.standing.insert(run.rule.clone(), standing);
            }
            state.timetable.ended(&run.rule, run.part.is_whole(), self.now());
            before
        };
        if let Some(last) = last {
            if let Some(news) = news(before, &last) {
                self.0.runner.operators.raise(news);
            }
            self.events().send(RunEvent::Ended(last));
        }
        self.0.woken.notify_one();
    }

    async fn record(&self, run: &ActiveRun, end: &RunEnd) -> Result<(), Error> {
        let catalog = self.catalog();
        catalog.end_run(run.id, &run.rule, end).await?;
        let has_seen_all =
            matches!(end.outcome, RunOutcome::Done | RunOutcome::Failed) && end.problem.is_none();
        if run.part.is_whole() && has_seen_all {
            catalog.forget_copies(&run.rule, run.started).await?;
        }
        Ok(())
    }

    /// Tells a run to stop. It ends soon after, as cancelled.
    ///
    /// # Errors
    /// There is no such run, or it has ended.
    pub async fn cancel(&self, id: RunId) -> Result<(), Error> {
        let running = self.state().running.values().find(|run| run.id == id).cloned();
        match running {
            Some(run) => {
                run.cancel.cancel();
                Ok(())
            }
            None => match self.catalog().run(id).await? {
                Some(_) => Err(Error::Ended(id)),
                None => Err(Error::UnknownRun(id)),
            },
        }
    }

    async fn look_up(&self, rule: &str) -> Result<RuleResult, Error> {
        let counts = self.catalog().copy_counts(rule).await?;
        let runs = self.catalog().runs(Some(rule), None, LOOKED_AT).await?.rows;
        let state = runs.iter().find_map(state_of);
        let last = runs.into_iter().find(|run| run.outcome != RunOutcome::Running);
        Ok(RuleResult { counts, last, state })
    }

    /// The rule with this name, if something may begin with it now.
    pub(crate) fn idle_rule(&self, name: &str) -> Result<SyncRule, Error> {
        let state = self.state();
        state.may_begin()?;
        if let Some(run) = state.running.get(name) {
            return Err(Error::Busy { rule: name.to_owned(), run: run.id });
        }
        let known = state.rules.rules().iter().find(|rule| rule.name == name);
        known.cloned().ok_or_else(|| Error::UnknownRule(name.to_owned()))
    }

    pub(crate) fn executor(&self) -> Executor {
        Arc::clone(&self.state().executor)
    }

    /// Runs in the background; the end of the server waits for it.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn_on(work, &self.0.runtime);
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.0.runner.clock)()
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.0.runner.catalog
    }

    pub(crate) fn events(&self) -> &Events {
        &self.0.runner.events
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, SchedulerState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_end(run: &ActiveRun, end: &RunEnd) {
    let (counts, problem) = (end.counts, end.problem.as_deref());
    let took = end.at.duration_since(run.started).unwrap_or_default().as_secs();
    tracing::info!(
        rule = run.rule,
        run = %run.id,
        outcome = end.outcome.as_str(),
        copied = counts.copied,
        equal = counts.equal,
        failed = counts.failed,
        postponed = counts.postponed,
        written = end.written,
        seconds = took,
        problem,
        "a sync has ended"
    );
}
