//! Who runs, who is asked to, who is told to stop.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use entrepot_catalog::{Catalog, Cause, CopyCounts, RunEnd, RunId, RunOutcome, RunRecord, SourceTag};
use entrepot_sync::rules::{Rule, RuleSet};
use tokio::{
    runtime::Handle,
    sync::{Notify, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Error, Metrics, Part, ProgressView, Refused, RuleView, RulesView, RunDetail, RunsView, SourceView,
    StateView, Watch,
    carry::{Carrier, Running, Work},
    feed::{Feed, RunEvent},
    timetable::{Known, Timetable},
};

/// How many rules run at once; each of them copies many images at once.
const LANES: usize = 4;
/// The clock of the machine may be set: it is looked at this often, whatever it said before.
const LOOK: Duration = Duration::from_secs(20);
/// How long runs that were told to stop have for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What time it is.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What a scheduler is made of.
pub struct Parts {
    /// Where runs are remembered.
    pub catalog: Catalog,
    /// The rules.
    pub rules: RuleSet,
    /// Who carries them out.
    pub work: Work,
    /// What is counted.
    pub metrics: Metrics,
    /// What time it is.
    pub clock: Clock,
}

/// What asking for a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It has begun.
    Started(RunId),
    /// One was going on that does what was asked.
    Joined(RunId),
}

/// Runs rules. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct Scheduler(Arc<Inner>);

struct Inner {
    carrier: Carrier,
    state: Mutex<State>,
    /// Held while a run is begun: two of one rule must not.
    beginning: tokio::sync::Mutex<()>,
    /// Something may be due earlier than was thought.
    woken: Notify,
    tasks: TaskTracker,
    /// Where runs are carried on: whoever asks for one may do so on a thread that ends, or is there for other things.
    runtime: Handle,
}

struct State {
    rules: RuleSet,
    work: Work,
    refused: Option<Refused>,
    timetable: Timetable,
    running: BTreeMap<String, Arc<Running>>,
    standing: BTreeMap<String, Standing>,
    stopping: bool,
}

/// How a rule stands, as it was after its last run.
#[derive(Clone, Debug, Default)]
struct Standing {
    counts: CopyCounts,
    last: Option<RunRecord>,
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scheduler")
    }
}

impl Scheduler {
    /// A scheduler that does nothing by itself until [`Scheduler::work`]. Runs that were going on when the last one
    /// ended are remembered as interrupted.
    ///
    /// # Errors
    /// What is remembered cannot be looked up.
    pub async fn open(parts: Parts) -> Result<Self, Error> {
        let Parts { catalog, rules, work, metrics, clock } = parts;
        let interrupted = catalog.interrupt_runs(clock()).await?;
        if interrupted > 0 {
            tracing::info!(runs = interrupted, "syncs were interrupted when the server ended");
        }
        let carrier = Carrier { catalog, feed: Feed::new(), metrics, clock, lanes: Semaphore::new(LANES) };
        let state = State {
            rules: RuleSet::default(),
            work: Arc::clone(&work),
            refused: None,
            timetable: Timetable::default(),
            running: BTreeMap::new(),
            standing: BTreeMap::new(),
            stopping: false,
        };
        let inner = Inner {
            carrier,
            state: Mutex::new(state),
            beginning: tokio::sync::Mutex::new(()),
            woken: Notify::new(),
            tasks: TaskTracker::new(),
            runtime: Handle::current(),
        };
        let scheduler = Self(Arc::new(inner));
        scheduler.replace(rules, work).await?;
        Ok(scheduler)
    }

    /// Takes these rules for all there are from now on. What runs is carried on as it was begun.
    ///
    /// # Errors
    /// What is remembered of a rule cannot be looked up; then nothing is changed.
    pub async fn replace(&self, rules: RuleSet, work: Work) -> Result<(), Error> {
        let (mut known, mut standing) = (Vec::new(), BTreeMap::new());
        for Rule { name, schedule, .. } in rules.rules() {
            let last = self.catalog().last_whole_run(name).await?;
            known.push(Known { name: name.clone(), schedule: schedule.clone(), last });
            standing.insert(name.clone(), self.look_up(name).await?);
        }
        let now = self.now();
        let mut state = self.state();
        state.timetable.replace(known, now);
        (state.rules, state.work, state.standing, state.refused) = (rules, work, standing, None);
        drop(state);
        self.0.carrier.feed.tell(RunEvent::Rules);
        self.0.woken.notify_one();
        Ok(())
    }

    /// Remembers why a changed configuration was not taken, until one is.
    pub fn refuse(&self, problem: String, hint: Option<String>) {
        let at = self.now();
        self.state().refused = Some(Refused { at, problem, hint });
        self.0.carrier.feed.tell(RunEvent::Rules);
    }

    /// Runs rules when they are due, until `stop`; then those that run are told to stop, and waited for.
    pub async fn work(&self, stop: CancellationToken) {
        loop {
            self.begin_due().await;
            let now = self.now();
            let next = self.state().timetable.next();
            let wait = next.map_or(LOOK, |at| at.duration_since(now).unwrap_or_default()).min(LOOK);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.0.woken.notified() => {}
                () = stop.cancelled() => break,
            }
        }
        self.stop().await;
    }

    /// Looks whether something is due, at once.
    pub fn wake(&self) {
        self.0.woken.notify_one();
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
        self.0.carrier.feed.close();
    }

    async fn begin_due(&self) {
        let due = {
            let mut state = self.state();
            state.timetable.due(self.now())
        };
        for (rule, cause) in due {
            match self.begin(&rule, cause, Part::default()).await {
                // Somebody was quicker; a run of all of it stands for this one, after one of a part it is due again.
                Ok(_) | Err(Error::Busy { .. }) => {}
                Err(error) => {
                    tracing::error!(%error, rule, "a sync cannot begin");
                    let now = self.now();
                    self.state().timetable.ended(&rule, true, now);
                }
            }
        }
    }

    /// Runs a rule, or a part of it, now.
    ///
    /// # Errors
    /// There is no such rule, it has no such source, it runs for something else, or the server is about to end.
    pub async fn run_now(&self, rule: &str, part: Part) -> Result<Begun, Error> {
        self.begin(rule, Cause::Hand, part).await
    }

    async fn begin(&self, name: &str, cause: Cause, part: Part) -> Result<Begun, Error> {
        let _alone = self.0.beginning.lock().await;
        let (rule, work) = {
            let state = self.state();
            if state.stopping {
                return Err(Error::Stopping);
            }
            let known = state.rules.rules().iter().find(|rule| rule.name == name);
            let rule = part.of(known.ok_or_else(|| Error::UnknownRule(name.to_owned()))?)?;
            if let Some(run) = state.running.get(name) {
                if run.part.covers(&part) {
                    return Ok(Begun::Joined(run.id));
                }
                return Err(Error::Busy { rule: name.to_owned(), run: run.id });
            }
            (rule, Arc::clone(&state.work))
        };
        let now = self.now();
        let text = (!part.is_whole()).then(|| part.to_string());
        let id = self.catalog().begin_run(name, cause, text.as_deref(), now).await?;
        let run = Arc::new(Running::new(id, name.to_owned(), cause, part, now));
        {
            let mut state = self.state();
            state.timetable.begun(name);
            state.running.insert(name.to_owned(), Arc::clone(&run));
        }
        tracing::info!(rule = name, run = %id, cause = cause.as_str(), "a sync begins");
        self.0.carrier.metrics.begun();
        self.0.carrier.feed.tell(RunEvent::Began(run.view()));
        let scheduler = self.clone();
        let carrying = async move { scheduler.carry(&run, rule, work).await };
        self.0.tasks.spawn_on(carrying, &self.0.runtime);
        Ok(Begun::Started(id))
    }

    async fn carry(&self, run: &Running, rule: Rule, work: Work) {
        let mut end = self.0.carrier.carry(run, rule, &work).await;
        if end.outcome == RunOutcome::Cancelled && self.state().stopping {
            end.outcome = RunOutcome::Interrupted;
        }
        if let Err(error) = self.remember(run, &end).await {
            tracing::error!(%error, rule = run.rule, "how a sync ended cannot be kept");
        }
        log_end(run, &end);
        self.0.carrier.metrics.ended(end.outcome);
        let standing = self.look_up(&run.rule).await;
        let last = standing.as_ref().ok().and_then(|standing| standing.last.clone());
        {
            let mut state = self.state();
            state.running.remove(&run.rule);
            if let (Ok(standing), true) = (standing, state.standing.contains_key(&run.rule)) {
                state.standing.insert(run.rule.clone(), standing);
            }
            state.timetable.ended(&run.rule, run.part.is_whole(), self.now());
        }
        if let Some(last) = last {
            self.0.carrier.feed.tell(RunEvent::Ended(last));
        }
        self.0.woken.notify_one();
    }

    async fn remember(&self, run: &Running, end: &RunEnd) -> Result<(), Error> {
        let catalog = self.catalog();
        catalog.end_run(run.id, &run.rule, end).await?;
        let has_seen_all =
            matches!(end.outcome, RunOutcome::Done | RunOutcome::Failed) && end.problem.is_none();
        if run.part.is_whole() && has_seen_all {
            catalog.forget_copies(&run.rule, run.started).await?;
        }
        Ok(())
    }

    /// Tells a run to stop.
    ///
    /// # Errors
    /// There is none, or it has ended.
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

    /// Listens to what happens; `None` when nothing will any more.
    pub fn watch(&self) -> Option<Watch> {
        self.0.carrier.feed.watch(|| self.running())
    }

    /// How far every run is that goes on.
    pub fn running(&self) -> Vec<ProgressView> {
        self.state().running.values().map(|run| run.view()).collect()
    }

    /// The rules in force.
    pub fn rule_set(&self) -> RuleSet {
        self.state().rules.clone()
    }

    /// The rules, and how they stand.
    pub fn rules(&self) -> RulesView {
        let state = self.state();
        let rules = state.rules.rules().iter().map(|rule| rule_view(&state, rule)).collect();
        RulesView { rules, refused: state.refused.clone() }
    }

    /// A page of runs, the latest first.
    ///
    /// # Errors
    /// What is remembered cannot be looked up.
    pub async fn runs(
        &self,
        rule: Option<&str>,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<RunsView, Error> {
        let listing = self.catalog().runs(rule, before, limit).await?;
        Ok(RunsView { runs: listing.rows, more: listing.more })
    }

    /// A run, and a page of what it did.
    ///
    /// # Errors
    /// There is none, or what is remembered cannot be looked up.
    pub async fn run(&self, id: RunId, after: u64, limit: usize) -> Result<RunDetail, Error> {
        let run = self.catalog().run(id).await?.ok_or(Error::UnknownRun(id))?;
        let listing = self.catalog().run_copies(id, after, limit).await?;
        let progress = self.state().running.values().find(|run| run.id == id).map(|run| run.view());
        Ok(RunDetail { run, progress, changes: listing.rows, more: listing.more })
    }

    /// How a rule's copies stand, of `limit` source tags after `after`.
    ///
    /// # Errors
    /// What is remembered cannot be looked up.
    pub async fn copies(&self, rule: &str, after: &SourceTag, limit: usize) -> Result<StateView, Error> {
        let listing = self.catalog().copies(rule, after, limit).await?;
        Ok(StateView { copies: listing.rows, more: listing.more })
    }

    async fn look_up(&self, rule: &str) -> Result<Standing, Error> {
        let counts = self.catalog().copy_counts(rule).await?;
        let runs = self.catalog().runs(Some(rule), None, 2).await?.rows;
        let last = runs.into_iter().find(|run| run.outcome != RunOutcome::Running);
        Ok(Standing { counts, last })
    }

    fn now(&self) -> SystemTime {
        (self.0.carrier.clock)()
    }

    fn catalog(&self) -> &Catalog {
        &self.0.carrier.catalog
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rule_view(state: &State, rule: &Rule) -> RuleView {
    let standing = state.standing.get(&rule.name).cloned().unwrap_or_default();
    let source = |source: &entrepot_sync::rules::Source| SourceView {
        from: source.place.clone(),
        to: source.destinations.iter().map(|to| to.place.clone()).collect(),
    };
    RuleView {
        name: rule.name.clone(),
        title: rule.title.clone(),
        category: rule.category.clone(),
        schedule: rule.schedule.as_ref().map(|schedule| schedule.as_str().to_owned()),
        time_zone: rule.schedule.as_ref().map(|schedule| schedule.zone().to_owned()),
        next: state.timetable.next_of(&rule.name),
        sources: rule.sources.iter().map(source).collect(),
        copies: standing.counts,
        last: standing.last,
        running: state.running.get(&rule.name).map(|run| run.view()),
    }
}

fn log_end(run: &Running, end: &RunEnd) {
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
