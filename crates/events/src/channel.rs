//! From whoever notices something to whoever passes it on. Bounded, and nobody waits at the sending end.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use tokio::sync::mpsc;

use crate::{event::Event, kind::EventKind};

/// How many events may wait to be taken.
const CAPACITY: usize = 1024;

/// Raises events. Cheap to clone; clones are the same. The default one has nobody at its other end.
#[derive(Clone, Debug, Default)]
pub struct EventSender(Option<Arc<SenderInner>>);

#[derive(Debug)]
struct SenderInner {
    sender: mpsc::Sender<RaisedEvent>,
    wanted: BTreeSet<EventKind>,
    lost: Arc<AtomicU64>,
}

/// An event, and when it was raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaisedEvent {
    /// When.
    pub at: SystemTime,
    /// What happened.
    pub event: Event,
}

/// Takes events in the order in which they were raised.
#[derive(Debug)]
pub struct EventReceiver {
    received: mpsc::Receiver<RaisedEvent>,
    lost: Arc<AtomicU64>,
}

/// Both ends, for events of these kinds; others are not passed on.
pub fn channel(wanted: BTreeSet<EventKind>) -> (EventSender, EventReceiver) {
    let (sender, received) = mpsc::channel(CAPACITY);
    let lost = Arc::new(AtomicU64::new(0));
    let inner = SenderInner { sender, wanted, lost: Arc::clone(&lost) };
    (EventSender(Some(Arc::new(inner))), EventReceiver { received, lost })
}

impl EventSender {
    /// True if somebody wants to hear of such events. Ask before work that only an event needs.
    pub fn wants(&self, kind: EventKind) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.wanted.contains(&kind))
    }

    /// Raises an event, now. It never waits: if too many wait at the other end, this one is lost and counted.
    pub fn raise(&self, event: Event) {
        let Some(inner) = self.0.as_ref().filter(|inner| inner.wanted.contains(&event.kind())) else {
            return;
        };
        if inner.sender.try_send(RaisedEvent { at: SystemTime::now(), event }).is_err() {
            inner.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl EventReceiver {
    /// Waits for the next event; `None` once all senders are gone and everything is taken.
    pub async fn next(&mut self) -> Option<RaisedEvent> {
        self.received.recv().await
    }

    /// The next event that is there already.
    pub fn try_next(&mut self) -> Option<RaisedEvent> {
        self.received.try_recv().ok()
    }

    /// How many events were lost since this was asked last, because too many waited.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::DiskLow;

    fn low(free: u64) -> Event {
        Event::DiskLow(DiskLow { free, size: 100 })
    }

    #[tokio::test]
    async fn what_is_wanted_arrives_in_order() {
        let (sender, mut receiver) = channel(BTreeSet::from([EventKind::DiskLow]));
        assert!(sender.wants(EventKind::DiskLow) && !sender.wants(EventKind::CardFree));
        sender.raise(Event::Test {});
        sender.raise(low(1));
        sender.clone().raise(low(2));
        drop(sender);
        assert_eq!(receiver.next().await.unwrap().event, low(1));
        assert_eq!(receiver.next().await.unwrap().event, low(2));
        assert_eq!(receiver.next().await, None);
    }

    #[tokio::test]
    async fn whoever_raises_does_not_wait_and_what_is_lost_is_counted() {
        let (sender, mut receiver) = channel(BTreeSet::from([EventKind::DiskLow]));
        (0..CAPACITY as u64 + 3).for_each(|free| sender.raise(low(free)));
        assert_eq!(receiver.take_lost(), 3);
        assert_eq!(receiver.take_lost(), 0);
        assert_eq!(receiver.try_next().unwrap().event, low(0), "the first ones are kept");
        let nobody = EventSender::default();
        nobody.raise(low(1));
        assert!(!nobody.wants(EventKind::DiskLow));
    }
}
