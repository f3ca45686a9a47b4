//! Keeps requests within the rate and concurrency that an operator set. Requests that are too early wait.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::settings::RemoteSettings;

/// The rate and concurrency of requests to one registry.
#[derive(Default)]
pub(crate) struct Throttle {
    slots: Option<(Duration, Mutex<Option<Instant>>)>,
    at_once: Option<Arc<Semaphore>>,
}

/// Permission to have one request in progress.
pub(crate) struct Permit {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Throttle {
    pub(crate) fn new(settings: &RemoteSettings) -> Self {
        Self {
            slots: settings.rate.map(|rate| (rate.interval(), Mutex::default())),
            at_once: settings.concurrency.map(|most| Arc::new(Semaphore::new(most.get()))),
        }
    }

    /// Waits until a request may be sent.
    pub(crate) async fn acquire(&self) -> Permit {
        let permit = match &self.at_once {
            // The semaphore is never closed.
            Some(at_once) => Arc::clone(at_once).acquire_owned().await.ok(),
            None => None,
        };
        if let Some(slot) = self.next_slot(Instant::now()) {
            tokio::time::sleep_until(slot).await;
        }
        Permit { _permit: permit }
    }

    // Evenly spaced and without bursts: registries do not all count in the same second as we do.
    fn next_slot(&self, now: Instant) -> Option<Instant> {
        let (interval, next) = self.slots.as_ref()?;
        let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = next.map_or(now, |next| next.max(now));
        *next = Some(slot + *interval);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_get_slots_of_their_own() {
        let settings = RemoteSettings { rate: Some("20/s".parse().unwrap()), ..RemoteSettings::default() };
        let (throttle, begun) = (Throttle::new(&settings), Instant::now());
        let slot = |after: u64| {
            let slot = throttle.next_slot(begun + Duration::from_millis(after)).unwrap();
            slot.duration_since(begun).as_millis()
        };
        assert_eq!([slot(0), slot(0), slot(10), slot(60)], [0, 50, 100, 150]);
        // Unused slots are not saved up.
        assert_eq!([slot(10_000), slot(10_000)], [10_000, 10_050]);
        assert_eq!(Throttle::default().next_slot(begun), None);
    }

    #[tokio::test]
    async fn only_so_many_are_under_way() {
        let settings = RemoteSettings { concurrency: 2.try_into().ok(), ..RemoteSettings::default() };
        let throttle = Throttle::new(&settings);
        let (first, _second) = (throttle.acquire().await, throttle.acquire().await);
        assert!(futures_util::poll!(Box::pin(throttle.acquire())).is_pending());
        drop(first);
        assert!(futures_util::poll!(Box::pin(throttle.acquire())).is_ready());
    }
}
