//! What happens, told to whoever listens, as it happens. Nobody is waited for: who does not keep up is let go.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use entrepot_catalog::{RunCopy, RunId, RunRecord};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::ProgressView;

/// How many frames a listener may be behind.
const BEHIND: usize = 256;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Which one; they count up.
    pub number: u64,
    /// What. All listeners share it.
    pub event: Arc<RunEvent>,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEvent {
    /// What every listener is told first: how far every run is that goes on.
    Running(Vec<ProgressView>),
    /// A run began.
    Began(ProgressView),
    /// A run went on.
    Progress(ProgressView),
    /// A run settled copies.
    Copies(Settled),
    /// A run ended.
    Ended(RunRecord),
    /// The rules were changed, or a change was refused.
    Rules,
}

/// Copies that a run has settled since the last such event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Which run.
    pub run: RunId,
    /// The rule.
    pub rule: String,
    /// The copies, except those that were equal.
    pub changes: Vec<RunCopy>,
    /// How many more there were than are told.
    pub more: usize,
}

/// A listener has fallen so far behind that it missed something: it should ask again how things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the listener did not keep up")]
pub struct Lost;

/// A listener. Its first frame, `running`, says what goes on; the others what has happened since.
#[derive(Debug)]
pub struct Watch {
    first: Option<Frame>,
    frames: broadcast::Receiver<Frame>,
}

impl Watch {
    /// What happens next; `None` when nothing will any more.
    ///
    /// # Errors
    /// [`Lost`]
    pub async fn next(&mut self) -> Option<Result<Frame, Lost>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        match self.frames.recv().await {
            Ok(frame) => Some(Ok(frame)),
            Err(RecvError::Lagged(_)) => Some(Err(Lost)),
            Err(RecvError::Closed) => None,
        }
    }
}

/// Where it is told.
#[derive(Debug)]
pub(crate) struct Feed {
    // Taken away when nothing will happen any more.
    sender: Mutex<Option<broadcast::Sender<Frame>>>,
    number: AtomicU64,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self { sender: Mutex::new(Some(broadcast::Sender::new(BEHIND))), number: AtomicU64::new(0) }
    }

    pub(crate) fn tell(&self, event: RunEvent) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = sender.as_ref().filter(|sender| sender.receiver_count() > 0) else { return };
        let frame = self.frame(event);
        // Fails only where the last listener has just left.
        let _ = sender.send(frame);
    }

    /// A new listener; `now` says what goes on, and is asked after the listener has begun to listen.
    pub(crate) fn watch(&self, now: impl FnOnce() -> Vec<ProgressView>) -> Option<Watch> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let frames = sender.subscribe();
        let first = self.frame(RunEvent::Running(now()));
        Some(Watch { first: Some(first), frames })
    }

    /// Nothing will happen any more.
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
    async fn who_does_not_keep_up_is_told() {
        let feed = Feed::new();
        feed.tell(RunEvent::Rules);
        let mut slow = feed.watch(Vec::new).unwrap();
        let mut quick = feed.watch(Vec::new).unwrap();
        let mut numbers = vec![quick.next().await.unwrap().unwrap().number];
        for _ in 0..=BEHIND {
            feed.tell(RunEvent::Rules);
            numbers.push(quick.next().await.unwrap().unwrap().number);
        }
        assert!(numbers.is_sorted_by(|a, b| a < b) && numbers.len() == BEHIND + 2);
        let first = slow.next().await.unwrap().unwrap();
        assert_eq!(*first.event, RunEvent::Running(Vec::new()));
        assert_eq!(slow.next().await.unwrap().unwrap_err(), Lost);
        feed.close();
        assert!(quick.next().await.is_none());
        assert!(feed.watch(Vec::new).is_none());
    }
}
