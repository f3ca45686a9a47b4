//! What happens, told to whoever listens, as it happens. Nobody is waited for: who does not keep up is let go.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{ProgressView, RunCopyView, RunView};

/// How many frames a listener may be behind.
const BEHIND: usize = 256;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Which one; they count up.
    pub number: u64,
    /// What kind: `running`, `began`, `progress`, `copies`, `ended` or `rules`.
    pub kind: &'static str,
    /// What, as JSON on one line.
    pub json: Arc<str>,
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

/// Copies that a run has settled since the last such frame.
#[derive(Debug, Serialize)]
pub(crate) struct Settled<'a> {
    pub(crate) run: &'a str,
    pub(crate) rule: &'a str,
    pub(crate) changes: Vec<RunCopyView>,
    /// How many more there were than are told.
    pub(crate) more: usize,
}

/// What can happen.
#[derive(Debug)]
pub(crate) enum Told<'a> {
    Began(&'a ProgressView),
    Progress(&'a ProgressView),
    Copies(Settled<'a>),
    Ended(&'a RunView),
    Rules,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self { sender: Mutex::new(Some(broadcast::Sender::new(BEHIND))), number: AtomicU64::new(0) }
    }

    pub(crate) fn tell(&self, told: &Told<'_>) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = sender.as_ref().filter(|sender| sender.receiver_count() > 0) else { return };
        let frame = match told {
            Told::Began(progress) => self.frame("began", progress),
            Told::Progress(progress) => self.frame("progress", progress),
            Told::Copies(settled) => self.frame("copies", settled),
            Told::Ended(run) => self.frame("ended", run),
            Told::Rules => self.frame("rules", &serde_json::json!({})),
        };
        // Fails only where the last listener has just left.
        let _ = sender.send(frame);
    }

    /// A new listener; `now` says what goes on, and is asked after the listener has begun to listen.
    pub(crate) fn watch(&self, now: impl FnOnce() -> Vec<ProgressView>) -> Option<Watch> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let frames = sender.subscribe();
        let first = self.frame("running", &serde_json::json!({ "runs": now() }));
        Some(Watch { first: Some(first), frames })
    }

    /// Nothing will happen any more.
    pub(crate) fn close(&self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn frame<T: Serialize + ?Sized>(&self, kind: &'static str, value: &T) -> Frame {
        // Structs of texts and numbers always serialise.
        let json = serde_json::to_string(value).unwrap_or_default().into();
        Frame { number: self.number.fetch_add(1, Ordering::Relaxed) + 1, kind, json }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_keep_up_is_told() {
        let feed = Feed::new();
        feed.tell(&Told::Rules);
        let mut slow = feed.watch(Vec::new).unwrap();
        let mut quick = feed.watch(Vec::new).unwrap();
        let mut numbers = vec![quick.next().await.unwrap().unwrap().number];
        for _ in 0..=BEHIND {
            feed.tell(&Told::Rules);
            numbers.push(quick.next().await.unwrap().unwrap().number);
        }
        assert!(numbers.is_sorted_by(|a, b| a < b) && numbers.len() == BEHIND + 2);
        let first = slow.next().await.unwrap().unwrap();
        assert_eq!((first.kind, &*first.json), ("running", r#"{"runs":[]}"#));
        assert_eq!(slow.next().await.unwrap().unwrap_err(), Lost);
        feed.close();
        assert!(quick.next().await.is_none());
        assert!(feed.watch(Vec::new).is_none());
    }
}
