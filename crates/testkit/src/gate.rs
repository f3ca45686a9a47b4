//! A gate at which responses wait until the test opens it, so that tests need no sleeps.

use std::sync::Arc;

use tokio::sync::watch;

/// A closed gate. Clones share their state; once open, it stays open.
#[derive(Clone, Debug)]
pub struct Gate(Arc<GateSignals>);

#[derive(Debug)]
struct GateSignals {
    open: watch::Sender<bool>,
    reached: watch::Sender<usize>,
}

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(GateSignals { open: watch::Sender::new(false), reached: watch::Sender::new(0) }))
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the gate for good.
    pub fn open(&self) {
        self.0.open.send_replace(true);
    }

    /// Number of responses that have reached the gate so far, waiting or not.
    pub fn arrivals(&self) -> usize {
        *self.0.reached.borrow()
    }

    /// Waits until `count` responses have reached the gate.
    pub async fn reached(&self, count: usize) {
        let mut reached = self.0.reached.subscribe();
        crate::patience::patiently("answers to reach the gate", reached.wait_for(|now| *now >= count))
            .await
            .unwrap();
    }

    /// Reaches the gate and waits until it is open.
    pub(crate) async fn pass(&self) {
        self.0.reached.send_modify(|count| *count += 1);
        let mut open = self.0.open.subscribe();
        open.wait_for(|open| *open).await.unwrap();
    }
}
