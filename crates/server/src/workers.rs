//! The threads that connections are served on.
//!
//! Each has a runtime of its own, and a connection stays where it was put. A warm answer is a read, some look-ups and a
//! write; moved to another thread, as a shared runtime does to keep all of them busy, it costs a quarter more. What takes
//! longer is done elsewhere: downloads are the mirror's, and disks are waited for on threads that may block.

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

/// One thread for each core. Dropped, they end, and with them whatever they still serve; and connections to upstreams and
/// databases that a request opened here work no more. So they go last.
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

    /// Serves a connection on the thread that has the fewest.
    pub(crate) fn serve(&self, tasks: &TaskTracker, connection: impl Future<Output = ()> + Send + 'static) {
        let count = |worker: &&Worker| worker.connections.load(Ordering::Relaxed);
        let Some(worker) = self.0.iter().min_by_key(count) else { return };
        let served = Served::on(worker);
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

/// A connection that is counted, also when its task panics or is dropped.
struct Served(Arc<AtomicUsize>);

impl Served {
    fn on(worker: &Worker) -> Self {
        worker.connections.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&worker.connections))
    }
}

impl Drop for Served {
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
