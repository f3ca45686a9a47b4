//! Runs keep lists when they are due or asked for, one at a time.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use entrepot_catalog::{Catalog, KeepCounts, KeepImageRecord, KeepRunRecord, KeepState, Listing};
use entrepot_mirror::{Mirror, Purpose};
use entrepot_scheduler::{ScheduledRule, Timetable};
use prometheus_client::registry::Registry;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{error::Error, list::KeepList, metrics::KeepMetrics, progress::KeepProgress};

/// How long to wait where no list has a schedule.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether somebody waits for an image, so that what nobody waits for has to.
pub type IsBusy = Arc<dyn Fn() -> bool + Send + Sync>;

/// What a keeper is made of.
pub struct KeeperParts {
    /// Where it is recorded how images stand.
    pub catalog: Catalog,
    /// What fetches and keeps.
    pub mirror: Mirror,
    /// The lists.
    pub lists: Vec<KeepList>,
    /// Whether somebody waits for an image.
    pub is_busy: IsBusy,
}

/// Runs keep lists. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct Keeper(pub(crate) Arc<KeeperInner>);

pub(crate) struct KeeperInner {
    pub(crate) catalog: Catalog,
    pub(crate) mirror: Mirror,
    pub(crate) is_busy: IsBusy,
    pub(crate) metrics: KeepMetrics,
    state: Mutex<KeeperState>,
    /// A list is to run earlier than was known.
    woken: Notify,
}

#[derive(Default)]
struct KeeperState {
    lists: Vec<KeepList>,
    timetable: Timetable,
    /// Those whose turn has not come.
    queue: VecDeque<String>,
    running: BTreeMap<String, RunningList>,
}

struct RunningList {
    progress: KeepProgress,
    cancel: CancellationToken,
}

/// A list, and how it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ListView {
    /// The list.
    pub list: KeepList,
    /// When it runs next by itself.
    pub next: Option<SystemTime>,
    /// How its images stand.
    pub counts: KeepCounts,
    /// Its last run.
    pub last: Option<KeepRunRecord>,
    /// How far its run is, if it runs or waits to.
    pub running: Option<KeepProgress>,
}

impl Keeper {
    /// Makes a keeper, which begins nothing until [`Keeper::work`]. Runs that an earlier server left are recorded as
    /// interrupted.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(KeeperParts { catalog, mirror, lists, is_busy }: KeeperParts) -> Result<Self, Error> {
        catalog.interrupt_keep_runs(SystemTime::now()).await?;
        let mirror = mirror.on_behalf_of(Purpose::Background);
        let (metrics, state, woken) = (KeepMetrics::default(), Mutex::default(), Notify::new());
        let this = Self(Arc::new(KeeperInner { catalog, mirror, is_busy, metrics, state, woken }));
        this.replace(lists).await?;
        Ok(this)
    }

    /// Registers the counters on `registry`.
    pub fn register(&self, registry: &mut Registry) {
        self.0.metrics.register(registry);
    }

    /// Puts other lists into force. One that runs goes on as it began; what is on no list any more may be evicted.
    ///
    /// # Errors
    /// The database failed; then nothing changes.
    pub async fn replace(&self, lists: Vec<KeepList>) -> Result<(), Error> {
        self.unpin_gone(&lists).await?;
        let mut scheduled = Vec::new();
        for list in &lists {
            let last = self.0.catalog.last_keep_run(&list.name).await?.map(|run| run.started);
            let schedule = list.schedule.clone();
            scheduled.push(ScheduledRule { name: list.name.clone(), schedule, last });
            self.0.metrics.stand(&list.name, self.0.catalog.keep_counts(&list.name).await?);
        }
        let mut state = self.state();
        let gone = state.lists.iter().filter(|old| lists.iter().all(|new| new.name != old.name));
        gone.for_each(|old| self.0.metrics.forget(&old.name));
        state.timetable.replace(scheduled, SystemTime::now());
        state.lists = lists;
        drop(state);
        self.0.woken.notify_one();
        Ok(())
    }

    /// The lists in force.
    pub fn lists(&self) -> Vec<KeepList> {
        self.state().lists.clone()
    }

    /// All lists, and how they stand.
    ///
    /// # Errors
    /// The database failed.
    pub async fn views(&self) -> Result<Vec<ListView>, Error> {
        let mut views = Vec::new();
        for list in self.lists() {
            views.push(self.viewed(list).await?);
        }
        Ok(views)
    }

    /// A list, and how it stands.
    ///
    /// # Errors
    /// There is no such list, or the database failed.
    pub async fn view(&self, name: &str) -> Result<ListView, Error> {
        let list = self.list(name)?;
        self.viewed(list).await
    }

    async fn viewed(&self, list: KeepList) -> Result<ListView, Error> {
        let counts = self.0.catalog.keep_counts(&list.name).await?;
        let last = self.0.catalog.last_keep_run(&list.name).await?;
        let state = self.state();
        let running = state.running.get(&list.name).map(|running| running.progress.clone());
        Ok(ListView { next: state.timetable.next_of(&list.name), counts, last, running, list })
    }

    fn list(&self, name: &str) -> Result<KeepList, Error> {
        let state = self.state();
        let found = state.lists.iter().find(|list| list.name == name);
        found.cloned().ok_or_else(|| Error::Unknown(name.to_owned()))
    }

    /// A page of the images of a list, in order of their names.
    ///
    /// # Errors
    /// There is no such list, or the database failed.
    pub async fn images(
        &self,
        (name, after): (&str, &str),
        state: Option<KeepState>,
        limit: usize,
    ) -> Result<Listing<KeepImageRecord>, Error> {
        self.list(name)?;
        Ok(self.0.catalog.keep_images((name, after), state, limit).await?)
    }

    /// Has a list run as soon as its turn comes. One that runs, or waits to, is joined.
    ///
    /// # Errors
    /// There is no such list.
    pub fn run(&self, name: &str) -> Result<(), Error> {
        self.list(name)?;
        let mut state = self.state();
        if !state.running.contains_key(name) {
            state.timetable.begun(name);
            state.enqueue(name);
        }
        drop(state);
        self.0.woken.notify_one();
        Ok(())
    }

    /// Stops the run of a list. What has come stays.
    ///
    /// # Errors
    /// There is no such list, or it does not run.
    pub fn cancel(&self, name: &str) -> Result<(), Error> {
        self.list(name)?;
        let mut state = self.state();
        state.running.get(name).ok_or_else(|| Error::Idle(name.to_owned()))?.cancel.cancel();
        // One whose turn has not come ends here; the other ends where it runs.
        if let Some(at) = state.queue.iter().position(|queued| queued == name) {
            state.queue.remove(at);
            state.ended(name);
        }
        Ok(())
    }

    /// Runs lists until it is told to stop.
    pub async fn work(&self, stop: CancellationToken) {
        loop {
            let now = SystemTime::now();
            let next = {
                let mut state = self.state();
                for (name, _) in state.timetable.due(now) {
                    state.enqueue(&name);
                }
                state.queue.pop_front()
            };
            match next {
                Some(name) => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.perform(&name) => {}
                    }
                    self.state().ended(&name);
                }
                None => {
                    let due = self.state().timetable.next();
                    let wait = due.map_or(LONG, |due| due.duration_since(now).unwrap_or_default());
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.0.woken.notified() => {}
                        () = tokio::time::sleep(wait) => {}
                    }
                }
            }
        }
    }

    async fn perform(&self, name: &str) {
        let cancel = self.state().running.get(name).map(|running| running.cancel.clone());
        let (Some(cancel), Ok(list)) = (cancel, self.list(name)) else { return };
        if let Err(error) = self.run_list(&list, &cancel).await {
            tracing::warn!(list = name, %error, "the run of a keep list cannot be recorded");
        }
    }

    /// Notes how far a run is.
    pub(crate) fn progress(&self, name: &str, change: impl FnOnce(&mut KeepProgress)) {
        if let Some(running) = self.state().running.get_mut(name) {
            change(&mut running.progress);
        }
    }

    fn state(&self) -> MutexGuard<'_, KeeperState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeeperState {
    fn enqueue(&mut self, name: &str) {
        let running = RunningList { progress: KeepProgress::default(), cancel: CancellationToken::new() };
        self.running.insert(name.to_owned(), running);
        self.queue.push_back(name.to_owned());
    }

    fn ended(&mut self, name: &str) {
        self.running.remove(name);
        self.timetable.ended(name, true, SystemTime::now());
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeper")
    }
}
