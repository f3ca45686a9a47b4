//! Fails requests to a store at once while it is known to be down, so that pulls do not wait for one time-out after the other.
//!
//! A request that fails, or takes suspiciously long, has the store probed in the background. If the probe fails, the store is
//! down until another one succeeds; requests that wait for it meanwhile end. No client's request is the probe.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::tasks::Tasks;

/// A request that takes longer has the store probed.
const SUSPICIOUS: Duration = Duration::from_secs(1);
/// How often a store that is down is probed.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Looks whether a store answers.
pub(crate) type Probe = Box<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// The store is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store is down")]
pub(crate) struct StoreDown;

/// Watches over one store.
pub(crate) struct CircuitBreaker {
    shared: Arc<BreakerState>,
    tasks: Tasks,
    stopping: CancellationToken,
}

struct BreakerState {
    /// The store's name, for the log.
    store: &'static str,
    probe: Probe,
    down: watch::Sender<bool>,
    /// Held while somebody probes.
    probing: Arc<Mutex<()>>,
}

impl CircuitBreaker {
    /// Watches over `store`; probes are run as `tasks` until `stopping`.
    pub(crate) fn new(store: &'static str, probe: Probe, tasks: Tasks, stopping: CancellationToken) -> Self {
        let shared = BreakerState { store, probe, down: watch::Sender::new(false), probing: Arc::default() };
        Self { shared: Arc::new(shared), tasks, stopping }
    }

    /// True while the store is known to be down.
    pub(crate) fn is_down(&self) -> bool {
        *self.shared.down.borrow()
    }

    /// The outcome of a request to the store.
    ///
    /// # Errors
    /// [`StoreDown`]: it was not sent, or its outcome is not known.
    pub(crate) async fn run<T>(&self, request: impl Future<Output = T>) -> Result<T, StoreDown> {
        if self.is_down() {
            return Err(StoreDown);
        }
        let mut request = pin!(request);
        // Most of what is asked for is in memory.
        if let Poll::Ready(answer) = futures_util::poll!(&mut request) {
            return Ok(answer);
        }
        // Boxed: see `Blobs::get`.
        Box::pin(self.wait_for(request)).await
    }

    async fn wait_for<T>(&self, mut request: Pin<&mut impl Future<Output = T>>) -> Result<T, StoreDown> {
        let mut down = self.shared.down.subscribe();
        let patience = tokio::time::sleep(SUSPICIOUS);
        tokio::pin!(patience);
        let mut is_suspicious = false;
        loop {
            tokio::select! {
                biased;
                answer = &mut request => return Ok(answer),
                // The sender lives in `shared`.
                _ = down.wait_for(|down| *down) => return Err(StoreDown),
                () = &mut patience, if !is_suspicious => {
                    is_suspicious = true;
                    self.suspect();
                }
            }
        }
    }

    /// Has the store probed, unless that is being done already.
    pub(crate) fn suspect(&self) {
        let Ok(guard) = Arc::clone(&self.shared.probing).try_lock_owned() else { return };
        let (shared, stopping) = (Arc::clone(&self.shared), self.stopping.clone());
        self.tasks.spawn(async move {
            stopping.run_until_cancelled(shared.probe_until_up()).await;
            drop(guard);
        });
    }
}

impl BreakerState {
    async fn probe_until_up(&self) {
        while !(self.probe)().await {
            if !self.down.send_replace(true) {
                let store = self.store;
                tracing::error!("{store} does not answer: what needs it fails at once until it does");
            }
            tokio::time::sleep(PROBE_EVERY).await;
        }
        if self.down.send_replace(false) {
            tracing::info!("{} answers again", self.store);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use entrepot_testkit::until;

    use super::*;

    struct Lab {
        breaker: CircuitBreaker,
        up: Arc<AtomicBool>,
        probes: Arc<AtomicUsize>,
    }

    impl Lab {
        fn new() -> Self {
            let (up, probes) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
            let (is_up, count) = (Arc::clone(&up), Arc::clone(&probes));
            let probe: Probe = Box::new(move || {
                count.fetch_add(1, Ordering::SeqCst);
                let up = is_up.load(Ordering::SeqCst);
                Box::pin(async move { up })
            });
            let breaker = CircuitBreaker::new("it", probe, Tasks::new(), CancellationToken::new());
            Self { breaker, up, probes }
        }

        async fn until(&self, down: bool) {
            let mut state = self.breaker.shared.down.subscribe();
            state.wait_for(|state| *state == down).await.unwrap();
        }

        async fn ask(&self) -> Result<u8, StoreDown> {
            self.breaker.run(async { 1 }).await
        }
    }

    #[tokio::test]
    async fn requests_that_wait_end_and_others_fail_at_once_until_it_is_back() {
        let lab = Lab::new();
        assert_eq!(lab.ask().await, Ok(1));
        lab.up.store(false, Ordering::SeqCst);
        let stuck = lab.breaker.run(std::future::pending::<u8>());
        assert_eq!(stuck.await, Err(StoreDown));
        assert_eq!(lab.ask().await, Err(StoreDown));
        lab.up.store(true, Ordering::SeqCst);
        lab.until(false).await;
        assert_eq!(lab.ask().await, Ok(1));
    }

    #[tokio::test]
    async fn a_slow_answer_is_waited_for_while_probes_succeed() {
        let lab = Lab::new();
        let probed = until("a probe", || (lab.probes.load(Ordering::SeqCst) > 0).then_some(7));
        assert_eq!(lab.breaker.run(probed).await, Ok(7));
        assert!(!lab.breaker.is_down());
    }

    #[tokio::test]
    async fn only_one_probes() {
        let lab = Lab::new();
        lab.up.store(false, Ordering::SeqCst);
        for _ in 0..50 {
            lab.breaker.suspect();
        }
        lab.until(true).await;
        assert_eq!(lab.probes.load(Ordering::SeqCst), 1);
    }
}
