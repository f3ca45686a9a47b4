//! Threads of their own for hashing passwords: two, and below the priority of everything else.
//!
//! A hash takes a core and 19 MiB for tens of milliseconds. Beside the threads that serve pulls, at the same priority, a
//! thousand logins would take half of a small machine from them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use tokio::sync::oneshot;

/// How many passwords are hashed at once.
const THREADS: usize = 2;
/// The name of the threads, as the system shows it.
const NAME: &str = "hash";
/// How far below other threads they are, as nice(1) counts it: where all want the same core, they get a tenth of it.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

type HashJob = Box<dyn FnOnce() + Send>;

/// The threads. Cheap to clone; clones share them. They start with the first job and end with the last clone.
#[derive(Clone, Default)]
pub(crate) struct Hashers(Arc<OnceLock<Sender<HashJob>>>);

/// The work was not done: there is no thread for it.
#[derive(Debug)]
pub(crate) struct NoHasher;

impl Hashers {
    /// Does the work when its turn comes. If the caller stops waiting before that, it is not done.
    ///
    /// # Errors
    /// There is no thread that could do it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NoHasher> {
        let (done, result) = oneshot::channel();
        let job = move || {
            if !done.is_closed() {
                // Whoever has left meanwhile needs no result.
                let _ = done.send(work());
            }
        };
        self.0.get_or_init(start).send(Box::new(job)).map_err(|_| NoHasher)?;
        result.await.map_err(|_| NoHasher)
    }
}

fn start() -> Sender<HashJob> {
    let (sender, jobs) = mpsc::channel();
    let jobs = Arc::new(Mutex::new(jobs));
    for _ in 0..THREADS {
        let jobs = Arc::clone(&jobs);
        // Without any thread, the jobs are dropped, and their callers are told.
        if let Err(error) = thread::Builder::new().name(NAME.to_owned()).spawn(move || work(&jobs)) {
            tracing::warn!(%error, "a thread that hashes passwords cannot be started");
        }
    }
    sender
}

fn work(jobs: &Mutex<Receiver<HashJob>>) {
    give_way();
    // The lock is held while waiting for a job, and not while doing it.
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(job) = next() {
        // A panic is the job's own: its caller gets no result.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

/// Lowers the priority of this thread. Elsewhere than on Linux, threads have none of their own.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "the threads that hash passwords have the usual priority");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::channel,
    };

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_hash_at_once_and_no_more() {
        let (hashers, running, most) =
            (Hashers::default(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (started, starts) = channel();
        let jobs: Vec<_> = (0..8)
            .map(|_| {
                let (hashers, running, most, started) =
                    (hashers.clone(), Arc::clone(&running), Arc::clone(&most), started.clone());
                tokio::spawn(async move {
                    let job = move || {
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        started.send(()).unwrap();
                        thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                    };
                    hashers.run(job).await.unwrap();
                })
            })
            .collect();
        for job in jobs {
            job.await.unwrap();
        }
        assert_eq!(starts.try_iter().count(), 8);
        assert!(most.load(Ordering::SeqCst) <= THREADS);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_threads_give_way_to_pulls() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let own = nice();
        assert_eq!(Hashers::default().run(nice).await.unwrap(), (own + NICE).min(19));
        assert_eq!(nice(), own, "only those threads");
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_done() {
        let hashers = Hashers::default();
        let (release, released) = channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
        let held: Vec<_> = (0..THREADS)
            .map(|_| {
                let (hashers, released, started) = (hashers.clone(), Arc::clone(&released), started.clone());
                let job = move || {
                    started.send(()).unwrap();
                    released.lock().unwrap().recv()
                };
                tokio::spawn(async move { hashers.run(job).await })
            })
            .collect();
        for _ in 0..THREADS {
            starts.recv().await.unwrap();
        }
        let (did, done) = channel();
        // Polled once, so that it is in the queue, and given up.
        let left = hashers.run(move || did.send(()));
        assert!(tokio::time::timeout(std::time::Duration::ZERO, left).await.is_err());
        for _ in 0..THREADS {
            release.send(()).unwrap();
        }
        for job in held {
            job.await.unwrap().unwrap().unwrap();
        }
        hashers.run(|| ()).await.unwrap();
        assert!(done.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_panic_is_the_end_of_its_job_alone() {
        let hashers = Hashers::default();
        for _ in 0..=THREADS {
            assert!(hashers.run(|| panic!("on purpose")).await.is_err());
        }
        assert_eq!(hashers.run(|| 1).await.unwrap(), 1);
    }
}
