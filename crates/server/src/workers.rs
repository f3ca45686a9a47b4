//! The threads that serve connections.
//!
//! Each has its own runtime, and a connection stays on its thread. A cached response takes a read, some lookups and a
//! write; moving it between threads, as a shared runtime does for load balancing, costs 25 % more. Slow work runs
//! elsewhere: downloads in the mirror, disk access on blocking threads.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use tokio::runtime::{Builder, Handle};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// One thread per core. Dropping this ends them and what they still serve, and breaks connections to upstreams and
/// databases that a request opened on them. So drop it last.
pub(crate) struct Workers(Vec<Worker>);

struct Worker {
    runtime: Handle,
    connections: Arc<AtomicUsize>,
    _stop: DropGuard,
}

impl Workers {
    pub(crate) fn start() -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        (0..cores).map(|_| Worker::start()).collect::<io::Result<_>>().map(Self)
    }

    /// Serves a connection on the thread with the fewest.
    pub(crate) fn serve(&self, tasks: &TaskTracker, connection: impl Future<Output = ()> + Send + 'static) {
        let count = |worker: &&Worker| worker.connections.load(Ordering::Relaxed);
        let Some(worker) = self.0.iter().min_by_key(count) else { return };
        let served = ConnectionCount::on(worker);
        tasks.spawn_on(
            async move {
                connection.await;
                drop(served);
            },
            &worker.runtime,
        );
    }
}

impl Worker {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, stop) = (runtime.handle().clone(), CancellationToken::new());
        let stopped = stop.clone();
        let thread = thread::Builder::new().name("entrepot-http".to_owned());
        thread.spawn(move || runtime.block_on(stopped.cancelled()))?;
        Ok(Self { runtime: handle, connections: Arc::default(), _stop: stop.drop_guard() })
    }
}

/// Counts a connection until it is dropped, also when its task panics.
struct ConnectionCount(Arc<AtomicUsize>);

impl ConnectionCount {
    fn on(worker: &Worker) -> Self {
        worker.connections.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&worker.connections))
    }
}

impl Drop for ConnectionCount {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Mutex};

    use super::*;

    #[tokio::test]
    async fn connections_are_spread_and_stay_where_they_are() {
        let (workers, tasks) = (Workers::start().unwrap(), TaskTracker::new());
        let (seen, gate) = (Arc::new(Mutex::new(Vec::new())), CancellationToken::new());
        for _ in 0..2 * workers.0.len() {
            let (seen, gate) = (Arc::clone(&seen), gate.clone());
            workers.serve(&tasks, async move {
                let before = thread::current().id();
                gate.cancelled().await;
                assert_eq!(thread::current().id(), before);
                seen.lock().unwrap().push(before);
            });
        }
        assert!(workers.0.iter().all(|worker| worker.connections.load(Ordering::Relaxed) == 2));
        gate.cancel();
        tasks.close();
        tasks.wait().await;
        let threads: HashSet<_> = seen.lock().unwrap().iter().copied().collect();
        assert_eq!((seen.lock().unwrap().len(), threads.len()), (2 * workers.0.len(), workers.0.len()));
        assert!(workers.0.iter().all(|worker| worker.connections.load(Ordering::Relaxed) == 0));
    }

    #[tokio::test]
    async fn what_panics_is_counted_out() {
        let (workers, tasks) = (Workers::start().unwrap(), TaskTracker::new());
        workers.serve(&tasks, async { panic!("a fault that a test makes") });
        tasks.close();
        tasks.wait().await;
        assert!(workers.0.iter().all(|worker| worker.connections.load(Ordering::Relaxed) == 0));
    }
}
