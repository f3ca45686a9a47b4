//! A bound on the memory of answers: clients decide how many they ask for at a time and how long they take to read them.
//!
//! Whoever makes an answer charges its bytes to the budget. They are released when the last owner drops them, be it a cache
//! or a connection whose client does not read. What does not fit is refused at once: waiting would hold on to memory as
//! well. Small blobs and slices of files are not charged; both are bounded where they are kept.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The granularity of the budget in bytes, and the overhead charged for each reservation.
const UNIT: usize = 256;

/// A number of bytes that all clones share.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Semaphore>);

/// A part of a [`Budget`], released when dropped.
#[derive(Debug)]
pub struct Reservation(OwnedSemaphorePermit);

struct ChargedBytes {
    bytes: Bytes,
    _reservation: Reservation,
}

impl AsRef<[u8]> for ChargedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Budget {
    /// A budget of that many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / UNIT)))
    }

    /// Reserves `bytes` bytes; `None` if fewer are left.
    pub fn take(&self, bytes: usize) -> Option<Reservation> {
        let units = u32::try_from(bytes.div_ceil(UNIT) + 1).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(units).ok().map(Reservation)
    }

    /// The same bytes, charged until their last owner drops them; `None` if they do not fit.
    pub fn charge(&self, bytes: Bytes) -> Option<Bytes> {
        self.take(bytes.len()).map(|reservation| reservation.hold(bytes))
    }

    /// The number of bytes that are left.
    pub fn left(&self) -> usize {
        self.0.available_permits() * UNIT
    }
}

impl Reservation {
    /// Charges `bytes` to this reservation until their last owner drops them, and releases what they do not need.
    #[must_use]
    pub fn hold(mut self, bytes: Bytes) -> Bytes {
        let spare = self.0.num_permits().saturating_sub(bytes.len().div_ceil(UNIT) + 1);
        drop(self.0.split(spare));
        Bytes::from_owner(ChargedBytes { bytes, _reservation: self })
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
        let reservation = budget.take(9 * UNIT).unwrap();
        assert_eq!(budget.left(), 0);
        let held = reservation.hold(Bytes::from_static(b"small"));
        assert_eq!((budget.left(), held.as_ref()), (8 * UNIT, b"small".as_slice()));
        assert!(budget.take(usize::MAX).is_none());
    }
}
