//! Who is at work on which instance, and when each engine answered last. In memory only.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use entrepot_engine::Sample;
use tokio::sync::{Notify, watch};
use tokio_util::task::TaskTracker;

use super::saving_progress::SavingProgress;
use crate::lifecycle::Absence;

/// What is known while this server runs.
#[derive(Debug, Default)]
pub(crate) struct InstanceWork {
    state: Mutex<WorkState>,
    /// What is under way, for a shutdown that waits for it.
    pub(crate) tasks: TaskTracker,
    /// Somebody has ended work on an instance.
    freed: Notify,
    /// Something happened on a node.
    woke: Notify,
}

#[derive(Debug, Default)]
struct WorkState {
    busy: BTreeSet<i64>,
    starts: BTreeMap<i64, Tries>,
    engines: BTreeMap<i64, Answers>,
    samples: BTreeMap<i64, Sample>,
    programs: BTreeMap<i64, usize>,
    saving: BTreeMap<i64, watch::Sender<SavingProgress>>,
    woken: BTreeSet<i64>,
}

/// Starts of an instance that failed one after the other.
#[derive(Clone, Copy, Debug)]
struct Tries {
    failed: u32,
    next: SystemTime,
}

/// When an engine answered.
#[derive(Clone, Copy, Debug)]
struct Answers {
    last: SystemTime,
    before: Option<SystemTime>,
    is_away: bool,
}

/// Held by who is at work on an instance: nobody else is, until it is dropped.
#[derive(Debug)]
pub(crate) struct Busy {
    work: Arc<InstanceWork>,
    id: i64,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.work.state().busy.remove(&self.id);
        self.work.freed.notify_waiters();
    }
}

/// A program of an instance, which is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct ProgramGuard {
    work: Arc<InstanceWork>,
    id: i64,
}

impl Drop for ProgramGuard {
    fn drop(&mut self) {
        if let Entry::Occupied(mut programs) = self.work.state().programs.entry(self.id) {
            *programs.get_mut() -= 1;
            if *programs.get() == 0 {
                programs.remove();
            }
        }
    }
}

/// Held while an instance is saved as an image.
#[derive(Debug)]
pub(crate) struct Saving {
    work: Arc<InstanceWork>,
    id: i64,
}

impl Saving {
    /// Tells whoever follows how far it is.
    pub(crate) fn tell(&self, progress: SavingProgress) {
        if let Some(told) = self.work.state().saving.get(&self.id) {
            told.send_replace(progress);
        }
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        self.work.state().saving.remove(&self.id);
    }
}

impl InstanceWork {
    fn state(&self) -> MutexGuard<'_, WorkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins work on an instance; `None` if somebody is at it.
    pub(crate) fn begin(self: &Arc<Self>, id: i64) -> Option<Busy> {
        self.state().busy.insert(id).then(|| Busy { work: self.clone(), id })
    }

    /// Begins work on an instance as soon as nobody is at it any more.
    pub(crate) async fn begin_when_free(self: &Arc<Self>, id: i64) -> Busy {
        loop {
            let freed = self.freed.notified();
            if let Some(busy) = self.begin(id) {
                return busy;
            }
            freed.await;
        }
    }

    /// True if somebody is at work on an instance.
    pub(crate) fn is_busy(&self, id: i64) -> bool {
        self.state().busy.contains(&id)
    }

    /// Records that an engine answered, and says who was away since the last time that its containers were looked at.
    /// `seen` is when it answered a server before this one.
    pub(crate) fn answered(&self, node: i64, seen: Option<SystemTime>, now: SystemTime) -> Absence {
        let mut state = self.state();
        let before = state.engines.get(&node).copied();
        let last = before.map(|answers| answers.last).or(seen);
        state.engines.insert(node, Answers { last: now, before: last, is_away: false });
        match (before, seen) {
            (Some(Answers { last, is_away: true, .. }), _) => Absence::Engine { from: last, until: now },
            (Some(_), _) | (None, None) => Absence::Nobody,
            (None, Some(seen)) => Absence::Server { from: seen, until: now },
        }
    }

    /// When an engine answered last before the present look.
    pub(crate) fn before(&self, node: i64) -> Option<SystemTime> {
        self.state().engines.get(&node).and_then(|answers| answers.before)
    }

    /// Records that an engine does not answer, or that a connection to it that should stay has ended.
    pub(crate) fn silent(&self, node: i64) {
        if let Some(answers) = self.state().engines.get_mut(&node) {
            answers.is_away = true;
        }
    }

    /// Says that something happened on a node, which should be looked at.
    pub(crate) fn wake(&self, node: i64) {
        self.state().woken.insert(node);
        self.woke.notify_one();
    }

    /// Waits until there is a node that should be looked at.
    pub(crate) async fn woken(&self) {
        while self.state().woken.is_empty() {
            self.woke.notified().await;
        }
    }

    /// The nodes that should be looked at. They are asked for once.
    pub(crate) fn take_woken(&self) -> BTreeSet<i64> {
        std::mem::take(&mut self.state().woken)
    }

    /// Counts a start that failed. Returns how many did, one after the other.
    pub(crate) fn failed(&self, id: i64, next: impl FnOnce(u32) -> SystemTime) -> u32 {
        let mut state = self.state();
        let failed = state.starts.get(&id).map_or(0, |tries| tries.failed) + 1;
        state.starts.insert(id, Tries { failed, next: next(failed) });
        failed
    }

    /// Forgets the starts that failed.
    pub(crate) fn worked(&self, id: i64) {
        self.state().starts.remove(&id);
    }

    /// Keeps what an instance used, and returns what it used before.
    pub(crate) fn sampled(&self, id: i64, sample: Sample) -> Option<Sample> {
        self.state().samples.insert(id, sample)
    }

    /// Forgets an instance that is no more.
    pub(crate) fn forget(&self, id: i64) {
        let mut state = self.state();
        state.starts.remove(&id);
        state.samples.remove(&id);
    }

    /// Counts another program of an instance; `None` if it has `most` already.
    pub(crate) fn count_program(self: &Arc<Self>, id: i64, most: usize) -> Option<ProgramGuard> {
        let mut state = self.state();
        let running = state.programs.get(&id).copied().unwrap_or_default();
        if running >= most {
            return None;
        }
        state.programs.insert(id, running + 1);
        Some(ProgramGuard { work: self.clone(), id })
    }

    /// Begins to save an instance as an image; `None` if somebody does.
    pub(crate) fn begin_saving(self: &Arc<Self>, id: i64) -> Option<Saving> {
        match self.state().saving.entry(id) {
            Entry::Occupied(_) => None,
            Entry::Vacant(free) => {
                free.insert(watch::Sender::default());
                Some(Saving { work: self.clone(), id })
            }
        }
    }

    /// How far the saving of an instance is, if it is saved now.
    pub(crate) fn saving(&self, id: i64) -> Option<watch::Receiver<SavingProgress>> {
        self.state().saving.get(&id).map(watch::Sender::subscribe)
    }

    /// True if another start may be tried.
    pub(crate) fn may_start(&self, id: i64, now: SystemTime) -> bool {
        self.state().starts.get(&id).is_none_or(|tries| tries.next <= now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn one_at_a_time() {
        let work = Arc::new(InstanceWork::default());
        let busy = work.begin(7).unwrap();
        assert!(work.begin(7).is_none() && work.is_busy(7) && work.begin(8).is_some());
        drop(busy);
        assert!(work.begin(7).is_some());
    }

    #[tokio::test]
    async fn the_next_one_waits() {
        let work = Arc::new(InstanceWork::default());
        let first = work.begin(7).unwrap();
        let waits = tokio::spawn({
            let work = work.clone();
            async move { work.begin_when_free(7).await }
        });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        drop(first);
        drop(waits.await.unwrap());
        assert!(!work.is_busy(7));
    }

    #[test]
    fn programs_are_counted_while_they_run() {
        let work = Arc::new(InstanceWork::default());
        let (first, _second) = (work.count_program(7, 2).unwrap(), work.count_program(7, 2).unwrap());
        assert!(work.count_program(7, 2).is_none() && work.count_program(8, 2).is_some());
        drop(first);
        assert!(work.count_program(7, 2).is_some());
        assert_eq!(work.state().programs.len(), 1, "what has ended takes no room");
    }

    #[test]
    fn an_engine_that_was_silent_was_away() {
        let work = InstanceWork::default();
        assert_eq!(work.answered(1, None, at(10)), Absence::Nobody);
        assert_eq!(work.answered(1, Some(at(5)), at(20)), Absence::Nobody);
        work.silent(1);
        work.silent(1);
        assert_eq!(work.answered(1, None, at(60)), Absence::Engine { from: at(20), until: at(60) });
        assert_eq!((work.answered(1, None, at(70)), work.before(1)), (Absence::Nobody, Some(at(60))));
    }

    #[test]
    fn a_server_that_begins_was_away_itself() {
        let work = InstanceWork::default();
        work.silent(1);
        assert_eq!(work.answered(1, Some(at(5)), at(20)), Absence::Server { from: at(5), until: at(20) });
    }

    #[tokio::test]
    async fn what_happened_before_somebody_waits_is_not_forgotten() {
        let work = InstanceWork::default();
        work.wake(7);
        work.wake(8);
        work.wake(7);
        work.woken().await;
        assert_eq!((work.take_woken(), work.take_woken()), ([7, 8].into(), [].into()));
    }

    #[test]
    fn starts_that_fail_are_counted() {
        let work = InstanceWork::default();
        assert!(work.may_start(7, at(0)));
        assert_eq!(work.failed(7, |failed| at(u64::from(failed) * 10)), 1);
        assert_eq!(work.failed(7, |failed| at(u64::from(failed) * 10)), 2);
        assert!(!work.may_start(7, at(19)) && work.may_start(7, at(20)));
        work.worked(7);
        assert!(work.may_start(7, at(0)));
    }
}
