//! Work that is done by one at a time, can be watched, and can be cancelled.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// How such work stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobState<P, R> {
    /// How far it is, while it is being done.
    pub running: Option<P>,
    /// How it ended last.
    pub last: Option<R>,
}

/// The work of one kind. Cheap to clone.
#[derive(Clone)]
pub(crate) struct OneJob<P, R>(Arc<Mutex<JobSlot<P, R>>>);

struct JobSlot<P, R> {
    running: Option<(P, CancellationToken)>,
    last: Option<R>,
}

impl<P, R> Default for OneJob<P, R> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(JobSlot { running: None, last: None })))
    }
}

impl<P: Clone, R: Clone> OneJob<P, R> {
    /// Begins; `None` while it is being done already.
    pub(crate) fn begin(&self, at: P) -> Option<JobGuard<P, R>> {
        let mut inner = self.lock();
        if inner.running.is_some() {
            return None;
        }
        let cancel = CancellationToken::new();
        inner.running = Some((at, cancel.clone()));
        Some(JobGuard { job: Self(Arc::clone(&self.0)), cancel })
    }

    /// How it stands.
    pub(crate) fn state(&self) -> JobState<P, R> {
        let inner = self.lock();
        JobState { running: inner.running.as_ref().map(|(at, _)| at.clone()), last: inner.last.clone() }
    }

    /// Tells whoever does it to stop. Returns whether anybody does.
    pub(crate) fn cancel(&self) -> bool {
        let inner = self.lock();
        inner.running.as_ref().map(|(_, cancel)| cancel.cancel()).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, JobSlot<P, R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Held by whoever does the work. Dropped without [`JobGuard::end`], it is over without an outcome.
pub(crate) struct JobGuard<P: Clone, R: Clone> {
    job: OneJob<P, R>,
    cancel: CancellationToken,
}

impl<P: Clone, R: Clone> JobGuard<P, R> {
    /// Tells how far it is.
    pub(crate) fn update(&self, change: impl FnOnce(&mut P)) {
        if let Some((at, _)) = &mut self.job.lock().running {
            change(at);
        }
    }

    /// Whether it was cancelled.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Waits until it is cancelled.
    pub(crate) async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Ends with an outcome.
    pub(crate) fn end(self, with: R) {
        self.job.lock().last = Some(with);
    }
}

impl<P: Clone, R: Clone> Drop for JobGuard<P, R> {
    fn drop(&mut self) {
        self.job.lock().running = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_watched_and_cancelled() {
        let job = OneJob::<u32, &str>::default();
        assert!(!job.cancel());
        let guard = job.begin(0).unwrap();
        assert!(job.begin(0).is_none());
        guard.update(|at| *at = 7);
        assert_eq!(job.state(), JobState { running: Some(7), last: None });
        assert!(!guard.is_cancelled() && job.cancel() && guard.is_cancelled());
        guard.end("cancelled");
        assert_eq!(job.state(), JobState { running: None, last: Some("cancelled") });
        drop(job.begin(1).unwrap());
        assert_eq!(job.state().last, Some("cancelled"), "the one that broke off says nothing");
        assert!(!job.begin(1).unwrap().is_cancelled());
    }
}
