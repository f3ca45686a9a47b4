//! Bytes in memory that clients decide about: how many they ask for at a time, and how long they take to read them.
//!
//! Who makes an answer charges its bytes to the budget; they are given back when the last of those who hold them lets go,
//! be it a cache or a connection whose client does not read. What does not fit is refused and not waited for: to wait is to
//! hold what it was made of. Small blobs and slices of files are not charged: both are bounded where they are kept.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is charged at a time, in bytes, and what holding something takes besides.
const UNIT: usize = 256;

/// A number of bytes, shared by all clones.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Semaphore>);

/// A part of a budget that is taken.
#[derive(Debug)]
pub struct Room(OwnedSemaphorePermit);

struct Charged {
    bytes: Bytes,
    _room: Room,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Budget {
    /// A budget of that many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / UNIT)))
    }

    /// Takes room for `bytes` bytes; `None` if there is not as much.
    pub fn take(&self, bytes: usize) -> Option<Room> {
        let units = u32::try_from(bytes.div_ceil(UNIT) + 1).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(units).ok().map(Room)
    }

    /// The same bytes, charged for as long as anybody has them; `None` if there is no room for them.
    pub fn charge(&self, bytes: Bytes) -> Option<Bytes> {
        self.take(bytes.len()).map(|room| room.hold(bytes))
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.0.available_permits() * UNIT
    }
}

impl Room {
    /// Puts `bytes` into the room, and gives back what is left of it.
    #[must_use]
    pub fn hold(mut self, bytes: Bytes) -> Bytes {
        let spare = self.0.num_permits().saturating_sub(bytes.len().div_ceil(UNIT) + 1);
        drop(self.0.split(spare));
        Bytes::from_owner(Charged { bytes, _room: self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A06
    #[test]
    fn bytes_count_as_long_as_anybody_has_them() {
        let budget = Budget::new(10 * UNIT);
        let bytes = budget.charge(Bytes::from(vec![1; 5 * UNIT])).unwrap();
        let part = bytes.slice(1..2);
        assert_eq!(budget.left(), 4 * UNIT);
        assert!(budget.charge(Bytes::from(vec![1; 4 * UNIT])).is_none());
        drop(bytes);
        assert_eq!((budget.left(), part.as_ref()), (4 * UNIT, [1].as_slice()));
        drop(part);
        assert_eq!(budget.left(), 10 * UNIT);
    }

    // A06
    #[test]
    fn what_turns_out_smaller_gives_the_rest_back() {
        let budget = Budget::new(10 * UNIT);
        let room = budget.take(9 * UNIT).unwrap();
        assert_eq!(budget.left(), 0);
        let held = room.hold(Bytes::from_static(b"small"));
        assert_eq!((budget.left(), held.as_ref()), (8 * UNIT, b"small".as_slice()));
        assert!(budget.take(usize::MAX).is_none());
    }
}
