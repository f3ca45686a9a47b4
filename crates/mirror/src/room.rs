//! How much is held and coming, and whether what comes is kept at all.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use entrepot_eviction::{Admission, CacheLimits, Space};
use tokio::sync::Notify;

/// The room that there is. Counted as content comes and goes, and set right whenever all of it is looked at.
pub(crate) struct Room {
    limits: CacheLimits,
    held: AtomicU64,
    coming: AtomicU64,
    /// The largest of what was not kept because there was no room.
    refused: AtomicU64,
    wanted: Notify,
}

/// Bytes that are on their way. They count as held until this is dropped.
#[must_use]
pub(crate) struct IncomingBytes {
    room: Arc<Room>,
    bytes: u64,
}

impl Room {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        Self {
            limits,
            held: AtomicU64::new(0),
            coming: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            wanted: Notify::new(),
        }
    }

    /// Whether anything is ever not kept for want of room.
    pub(crate) fn is_limited(&self) -> bool {
        self.limits.max_size().is_some()
    }

    /// The bytes that are held.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// The bytes that are held and those on their way.
    pub(crate) fn taken(&self) -> u64 {
        self.held().saturating_add(self.coming.load(Ordering::Relaxed))
    }

    /// All that is held was counted.
    pub(crate) fn set_held(&self, bytes: u64) {
        self.held.store(bytes, Ordering::Relaxed);
    }

    /// Something new is held.
    pub(crate) fn came(&self, bytes: u64) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Something is held no more.
    pub(crate) fn went(&self, bytes: u64) {
        // It may have come before anything was counted.
        let _ = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| Some(held.saturating_sub(bytes)));
    }

    /// Counts bytes that are on their way.
    pub(crate) fn expect(self: &Arc<Self>, bytes: u64) -> IncomingBytes {
        self.coming.fetch_add(bytes, Ordering::Relaxed);
        IncomingBytes { room: Arc::clone(self), bytes }
    }

    /// Whether a blob is kept that belongs to an image of that size. If there is no room now, some is made.
    pub(crate) fn admit(&self, size: u64, image: Option<u64>) -> Admission {
        let space = Space { held: self.taken(), free: None };
        let admission = self.limits.admit(space, size, image);
        if admission == Admission::Full {
            self.refused.fetch_max(size, Ordering::Relaxed);
            self.wanted.notify_one();
        }
        admission
    }

    /// The largest of what was not kept because there was no room, in bytes: so much is missing.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Room is being made.
    pub(crate) fn forget_refused(&self) {
        self.refused.store(0, Ordering::Relaxed);
    }

    /// Waits until something was not kept because there was no room.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }
}

impl Drop for IncomingBytes {
    fn drop(&mut self) {
        self.room.coming.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn what_is_on_its_way_takes_room_too() {
        let limits = CacheLimits::new(Some(100), None, None).unwrap();
        let room = Arc::new(Room::new(limits));
        assert!(room.is_limited());
        room.set_held(50);
        let coming = room.expect(20);
        assert_eq!(room.admit(25, None), Admission::Kept);
        assert_eq!(room.admit(25, Some(26)), Admission::TooLarge);
        assert!(room.wanted().now_or_never().is_none());
        room.came(10);
        assert_eq!((room.taken(), room.admit(25, None)), (80, Admission::Full));
        assert!(room.wanted().now_or_never().is_some(), "somebody makes room");
        assert_eq!(room.refused(), 25);
        room.forget_refused();
        assert_eq!(room.refused(), 0);
        drop(coming);
        assert_eq!((room.taken(), room.admit(25, None)), (60, Admission::Kept));
        room.went(1000);
        assert_eq!(room.held(), 0);
    }
}
