//! The pulls that are under way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entrepot_catalog::PullRecord;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::progress::PullProgress;

/// A pull as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullState {
    /// What is recorded of it.
    pub record: PullRecord,
    /// How far it is, in detail; `None` before it begins, and for those that ended long ago.
    pub progress: Option<PullProgress>,
}

/// Follows a pull.
#[derive(Debug)]
pub struct PullWatch {
    first: Option<PullState>,
    later: Option<watch::Receiver<PullState>>,
}

/// The pulls that are under way, and whose turn it is on each node.
#[derive(Default)]
pub(crate) struct Jobs {
    running: Mutex<HashMap<i64, RunningPull>>,
    turns: Mutex<HashMap<i64, Arc<Semaphore>>>,
    /// Held while a pull is recorded and begun, so that whoever joins it finds it.
    pub(super) beginning: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct RunningPull {
    state: watch::Receiver<PullState>,
    cancel: CancellationToken,
}

impl PullState {
    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.record.finished.is_some()
    }
}

impl PullWatch {
    pub(super) fn of_record(record: PullRecord) -> Self {
        Self { first: Some(PullState { record, progress: None }), later: None }
    }

    /// How the pull is: at once the first time, and then after each change. `None` once its end was told.
    pub async fn next(&mut self) -> Option<PullState> {
        if let Some(first) = self.first.take() {
            if first.has_ended() {
                self.later = None;
            }
            return Some(first);
        }
        let later = self.later.as_mut()?;
        // A pull that is dropped with the server has no more to tell.
        if later.changed().await.is_err() {
            self.later = None;
            return None;
        }
        let state = later.borrow_and_update().clone();
        if state.has_ended() {
            self.later = None;
        }
        Some(state)
    }
}

impl Jobs {
    /// Notes a pull that begins.
    pub(super) fn begin(&self, record: PullRecord) -> (watch::Sender<PullState>, CancellationToken) {
        let id = record.id;
        let (told, state) = watch::channel(PullState { record, progress: None });
        let cancel = CancellationToken::new();
        self.running().insert(id, RunningPull { state, cancel: cancel.clone() });
        (told, cancel)
    }

    /// Forgets a pull that has ended.
    pub(super) fn end(&self, id: i64) {
        self.running().remove(&id);
    }

    /// Follows a pull that is under way.
    pub(super) fn watch(&self, id: i64) -> Option<PullWatch> {
        let mut state = self.running().get(&id)?.state.clone();
        let first = state.borrow_and_update().clone();
        Some(PullWatch { first: Some(first), later: Some(state) })
    }

    /// How a pull is that is under way.
    pub(super) fn state(&self, id: i64) -> Option<PullState> {
        let running = self.running();
        running.get(&id).map(|running| running.state.borrow().clone())
    }

    /// Stops a pull. Returns whether it was under way.
    pub(super) fn cancel(&self, id: i64) -> bool {
        let running = self.running().get(&id).cloned();
        running.inspect(|running| running.cancel.cancel()).is_some()
    }

    /// Whose turn it is to pull on a node: so many at once.
    pub(super) fn turns(&self, node: i64, at_once: usize) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(node).or_insert_with(|| Arc::new(Semaphore::new(at_once.max(1)))))
    }

    fn running(&self) -> MutexGuard<'_, HashMap<i64, RunningPull>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
