//! Room in memory for what strangers send: a little is everybody's, and what is more waits for its turn.
//!
//! The most that one document may have is bounded where it is read. How many of them there are at a time is up to
//! clients, so all of them together are bounded here, for the whole process.

use tokio::sync::{Semaphore, SemaphorePermit};

/// What is read without asking for room, in bytes: as much as the connection takes that it comes over.
pub(crate) const FREE: usize = 64 << 10;

/// Room for manifests, tokens and pages of listings.
pub(crate) static DOCUMENTS: Room = Room::new(32 << 10);

/// A number of bytes, in KiB.
pub(crate) struct Room(Semaphore);

impl Room {
    const fn new(kib: usize) -> Self {
        Self(Semaphore::const_new(kib))
    }

    /// Waits until there is room for that many bytes. `None` never comes: the room is not closed.
    pub(crate) async fn take(&'static self, bytes: usize) -> Option<SemaphorePermit<'static>> {
        let kib = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
        self.0.acquire_many(kib).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    // A05
    #[tokio::test]
    async fn what_does_not_fit_waits() {
        static ROOM: Room = Room::new(8);
        let (first, second) = (ROOM.take(5000).await, ROOM.take(3000).await);
        let mut third = Box::pin(ROOM.take(1));
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.now_or_never().is_some_and(|permit| permit.is_some()));
        drop(second);
    }
}
