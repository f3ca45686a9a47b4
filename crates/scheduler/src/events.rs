//! Events for listeners, as they happen. Nothing waits for a listener: one that does not keep up is cut off.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use entrepot_catalog::{RunCopy, RunId, RunRecord};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::view::ProgressView;

/// How many frames a listener may lag behind.
const MAX_LAG: usize = 256;

/// An event and its number.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its number; later events have greater ones.
    pub number: u64,
    /// The event. All listeners share it.
    pub event: Arc<RunEvent>,
}

/// What listeners are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEvent {
    /// The first event of every listener: the active runs, and how far they are.
    Running(Vec<ProgressView>),
    /// A run began.
    Began(ProgressView),
    /// A run made progress.
    Progress(ProgressView),
    /// A run settled copies.
    Copies(RunCopies),
    /// A run ended.
    Ended(RunRecord),
    /// The rules were changed, or a change of them was refused.
    Rules,
}

/// Copies that a run has settled since the last such event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunCopies {
    /// The run.
    pub run: RunId,
    /// Its rule.
    pub rule: String,
    /// The copies, except those that were equal.
    pub changes: Vec<RunCopy>,
    /// How many more there were than are listed.
    pub more: usize,
}

/// A listener lagged so far behind that it missed events. It should subscribe again: the first event tells how things
/// stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the listener did not keep up")]
pub struct LaggedListener;

/// A subscription to events. Its first frame, `running`, lists the runs that are active; the others tell what has
/// happened since.
#[derive(Debug)]
pub struct Watch {
    first: Option<Frame>,
    frames: broadcast::Receiver<Frame>,
}

impl Watch {
    /// Waits for the next event; `None` after the last one, when the scheduler has stopped.
    ///
    /// # Errors
    /// [`LaggedListener`]
    pub async fn next(&mut self) -> Option<Result<Frame, LaggedListener>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        match self.frames.recv().await {
            Ok(frame) => Some(Ok(frame)),
            Err(RecvError::Lagged(_)) => Some(Err(LaggedListener)),
            Err(RecvError::Closed) => None,
        }
    }
}

/// The sending end.
#[derive(Debug)]
pub(crate) struct Events {
    // `None` once closed.
    sender: Mutex<Option<broadcast::Sender<Frame>>>,
    number: AtomicU64,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { sender: Mutex::new(Some(broadcast::Sender::new(MAX_LAG))), number: AtomicU64::new(0) }
    }

    pub(crate) fn send(&self, event: RunEvent) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = sender.as_ref().filter(|sender| sender.receiver_count() > 0) else { return };
        let frame = self.frame(event);
        // Fails only where the last listener has just left.
        let _ = sender.send(frame);
    }

    /// A new subscription, `None` once closed. `now` lists the active runs; it is called after the subscription has begun,
    /// so that nothing falls in between.
    pub(crate) fn watch(&self, now: impl FnOnce() -> Vec<ProgressView>) -> Option<Watch> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let frames = sender.subscribe();
        let first = self.frame(RunEvent::Running(now()));
        Some(Watch { first: Some(first), frames })
    }

    /// Ends every subscription, after what was sent.
    pub(crate) fn close(&self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn frame(&self, event: RunEvent) -> Frame {
        Frame { number: self.number.fetch_add(1, Ordering::Relaxed) + 1, event: Arc::new(event) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_that_lags_is_told() {
        let events = Events::new();
        events.send(RunEvent::Rules);
        let mut slow = events.watch(Vec::new).unwrap();
        let mut quick = events.watch(Vec::new).unwrap();
        let mut numbers = vec![quick.next().await.unwrap().unwrap().number];
        for _ in 0..=MAX_LAG {
            events.send(RunEvent::Rules);
            numbers.push(quick.next().await.unwrap().unwrap().number);
        }
        assert!(numbers.is_sorted_by(|a, b| a < b) && numbers.len() == MAX_LAG + 2);
        let first = slow.next().await.unwrap().unwrap();
        assert_eq!(*first.event, RunEvent::Running(Vec::new()));
        assert_eq!(slow.next().await.unwrap().unwrap_err(), LaggedListener);
        events.close();
        assert!(quick.next().await.is_none());
        assert!(events.watch(Vec::new).is_none());
    }
}
