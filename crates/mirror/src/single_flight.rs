//! One piece of work per key at a time, shared by all who want its result. The work finishes also when all of them leave.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::tasks::Tasks;

/// Work under way, by key.
pub(crate) struct SingleFlight<K, V> {
    running: Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>,
    tasks: Tasks,
}

/// Waits for the result of one piece of work.
pub(crate) struct Waiter<V>(watch::Receiver<Option<V>>);

impl<K, V> SingleFlight<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(tasks: Tasks) -> Self {
        Self { running: Arc::default(), tasks }
    }

    /// True if there is work for `key`.
    pub(crate) fn is_running(&self, key: &K) -> bool {
        lock(&self.running).contains_key(key)
    }

    /// Joins the work for `key`, or begins it.
    pub(crate) fn join<F>(&self, key: K, work: impl FnOnce() -> F) -> Waiter<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut running = lock(&self.running);
        if let Some(receiver) = running.get(&key) {
            return Waiter(receiver.clone());
        }
        let (sender, receiver) = watch::channel(None);
        running.insert(key.clone(), receiver.clone());
        // A runtime that is shutting down drops the work at once, and the key with it.
        drop(running);
        let remove_key = RemoveKey { running: Arc::clone(&self.running), key };
        let work = work();
        self.tasks.spawn(async move {
            let value = work.await;
            // The key goes first: whoever comes after the result is published begins anew and finds what the work left behind.
            drop(remove_key);
            sender.send_replace(Some(value));
        });
        Waiter(receiver)
    }
}

impl<V: Clone> Waiter<V> {
    /// The work's result; `None` if it panicked.
    pub(crate) async fn result(mut self) -> Option<V> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|value| value.clone())
    }
}

/// Removes the key when dropped, also when the work panics.
struct RemoveKey<K: Eq + Hash, V> {
    running: Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>,
    key: K,
}

impl<K: Eq + Hash, V> Drop for RemoveKey<K, V> {
    fn drop(&mut self) {
        lock(&self.running).remove(&self.key);
    }
}

// Nothing is done under the lock that could leave the map half changed.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_wait_for_one() {
        let single_flight = SingleFlight::new(Tasks::new());
        let runs = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(tokio::sync::Notify::new());
        let waiting: Vec<_> = (0..50)
            .map(|_| {
                let (runs, gate) = (Arc::clone(&runs), Arc::clone(&gate));
                single_flight.join("key", || async move {
                    gate.notified().await;
                    runs.fetch_add(1, Ordering::Relaxed)
                })
            })
            .collect();
        assert!(single_flight.is_running(&"key") && !single_flight.is_running(&"other"));
        gate.notify_one();
        for waiter in waiting {
            assert_eq!(waiter.result().await, Some(0));
        }
        assert!(!single_flight.is_running(&"key"));
        assert_eq!(single_flight.join("key", || async { 7 }).result().await, Some(7));
    }

    #[tokio::test]
    async fn work_outlives_those_who_wait() {
        let single_flight = SingleFlight::new(Tasks::new());
        let done = Arc::new(tokio::sync::Notify::new());
        let signal = Arc::clone(&done);
        drop(single_flight.join(1, || async move { signal.notify_one() }));
        done.notified().await;
    }

    #[test]
    fn work_that_a_runtime_refuses_frees_the_key() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        drop(runtime);
        let _inside = handle.enter();
        let single_flight: SingleFlight<u8, u8> = SingleFlight::new(Tasks::new());
        let mut waiter = std::pin::pin!(single_flight.join(1, || async { 2 }).result());
        let answer = waiter.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
        assert_eq!(answer, std::task::Poll::Ready(None));
        assert!(!single_flight.is_running(&1));
    }

    #[tokio::test]
    async fn a_panic_frees_the_key() {
        let single_flight: SingleFlight<u8, u8> = SingleFlight::new(Tasks::new());
        assert_eq!(single_flight.join(1, || async { panic!("on purpose") }).result().await, None);
        assert_eq!(single_flight.join(1, || async { 2 }).result().await, Some(2));
    }
}
