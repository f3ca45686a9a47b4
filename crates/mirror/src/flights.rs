//! One piece of work at a time per key, however many wait for it, and none of them needed for it to finish.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::tasks::Tasks;

/// Work under way, by key.
pub(crate) struct Flights<K, V> {
    running: Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>,
    tasks: Tasks,
}

/// A place among those who wait for one piece of work.
pub(crate) struct Flight<V>(watch::Receiver<Option<V>>);

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(tasks: Tasks) -> Self {
        Self { running: Arc::default(), tasks }
    }

    /// Joins the work for `key`, or begins it.
    pub(crate) fn join<F>(&self, key: K, work: impl FnOnce() -> F) -> Flight<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut running = lock(&self.running);
        if let Some(receiver) = running.get(&key) {
            return Flight(receiver.clone());
        }
        let (sender, receiver) = watch::channel(None);
        running.insert(key.clone(), receiver.clone());
        let landing = Landing { running: Arc::clone(&self.running), key };
        let work = work();
        self.tasks.spawn(async move {
            let value = work.await;
            // Off the map before the news is out: whoever comes later finds what the work left behind.
            drop(landing);
            sender.send_replace(Some(value));
        });
        Flight(receiver)
    }
}

impl<V: Clone> Flight<V> {
    /// The work's result; `None` if it died on the way.
    pub(crate) async fn land(mut self) -> Option<V> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|value| value.clone())
    }
}

/// Takes the key off the map, also when the work panics.
struct Landing<K: Eq + Hash, V> {
    running: Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>,
    key: K,
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
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
        let flights = Flights::new(Tasks::new());
        let runs = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(tokio::sync::Notify::new());
        let waiting: Vec<_> = (0..50)
            .map(|_| {
                let (runs, gate) = (Arc::clone(&runs), Arc::clone(&gate));
                flights.join("key", || async move {
                    gate.notified().await;
                    runs.fetch_add(1, Ordering::Relaxed)
                })
            })
            .collect();
        gate.notify_one();
        for flight in waiting {
            assert_eq!(flight.land().await, Some(0));
        }
        assert_eq!(flights.join("key", || async { 7 }).land().await, Some(7));
    }

    #[tokio::test]
    async fn work_outlives_those_who_wait() {
        let flights = Flights::new(Tasks::new());
        let done = Arc::new(tokio::sync::Notify::new());
        let signal = Arc::clone(&done);
        drop(flights.join(1, || async move { signal.notify_one() }));
        done.notified().await;
    }

    #[tokio::test]
    async fn a_panic_frees_the_key() {
        let flights: Flights<u8, u8> = Flights::new(Tasks::new());
        assert_eq!(flights.join(1, || async { panic!("on purpose") }).land().await, None);
        assert_eq!(flights.join(1, || async { 2 }).land().await, Some(2));
    }
}
