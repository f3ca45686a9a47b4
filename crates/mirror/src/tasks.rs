//! Background tasks: work that no request waits for, or that outlives the request that began it.

use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// Spawns tasks on the runtime that the mirror was opened on. The server answers on threads of its own, which must not be
/// busy with downloads and may end before them.
#[derive(Clone, Debug)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    runtime: Handle,
}

impl Tasks {
    /// Tasks on the runtime that this is called in.
    pub(crate) fn new() -> Self {
        Self { tracker: TaskTracker::new(), runtime: Handle::current() }
    }

    pub(crate) fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.tracker.spawn_on(task.in_current_span(), &self.runtime)
    }

    /// Waits until no task is left. New ones may still be spawned meanwhile.
    pub(crate) async fn finished(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}
