//! A door that answers wait at, so that a test says when they go on and need not sleep.

use std::sync::Arc;

use tokio::sync::watch;

/// A closed door. Clones are the same door; once open it stays open.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Door>);

#[derive(Debug)]
struct Door {
    open: watch::Sender<bool>,
    reached: watch::Sender<usize>,
}

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Door { open: watch::Sender::new(false), reached: watch::Sender::new(0) }))
    }
}

impl Gate {
    /// A closed door.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets everybody through, now and from now on.
    pub fn open(&self) {
        self.0.open.send_replace(true);
    }

    /// How many answers have come to the door so far, whether they are through or not.
    pub fn arrivals(&self) -> usize {
        *self.0.reached.borrow()
    }

    /// Waits until `count` answers have come to the door.
    pub async fn reached(&self, count: usize) {
        let mut reached = self.0.reached.subscribe();
        crate::patience::patiently("answers to reach the gate", reached.wait_for(|now| *now >= count))
            .await
            .unwrap();
    }

    /// Comes to the door and waits until it is open.
    pub(crate) async fn pass(&self) {
        self.0.reached.send_modify(|count| *count += 1);
        let mut open = self.0.open.subscribe();
        open.wait_for(|open| *open).await.unwrap();
    }
}
