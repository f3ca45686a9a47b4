//! Response bodies in memory, and a limit on the memory they take until clients have read them.
//!
//! They are charged to the mirror's budget while a connection holds them: over HTTP/2 a client can request hundreds and
//! read none. Equal bodies are shared between clients. Each connection has a share; beyond it, the client is told to
//! read first. Small bodies take less memory than their request and are not counted.

use std::{
    collections::HashMap,
    hash::BuildHasher as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use bytes::Bytes;
use entrepot_mirror::Budget;
use foldhash::quality::RandomState;

use crate::peer::Peer;

/// Bodies up to this size, in bytes, are not counted.
pub(crate) const SMALL: usize = 4 << 10;
/// Limit of unread bytes per connection: four of the largest listings.
const SHARE: usize = 16 << 20;

/// The response bodies in flight.
pub(crate) struct Answers {
    budget: Budget,
    alike: Arc<BodyIndex>,
}

/// Bodies by the hash of their bytes. The seed is random per process, and the bytes are compared as well.
#[derive(Default)]
struct BodyIndex {
    hasher: RandomState,
    known: Mutex<HashMap<u64, Weak<SharedBody>>>,
}

/// A body that is being sent to any number of clients.
struct SharedBody {
    bytes: Bytes,
    hash: u64,
    alike: Arc<BodyIndex>,
}

/// A body that is being sent to one client.
struct ClientBody<B> {
    bytes: B,
    _hold: BudgetHold,
}

/// A part of a connection's share.
struct BudgetHold {
    peer: Arc<Peer>,
    bytes: usize,
}

impl Answers {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, alike: Arc::default() }
    }

    /// Admits `bytes` that were made for this client; `None` if there is no room.
    pub(crate) fn made(&self, peer: &Arc<Peer>, bytes: Bytes) -> Option<Bytes> {
        if bytes.len() <= SMALL {
            return Some(bytes);
        }
        let hold = BudgetHold::of(peer, bytes.len())?;
        let bytes = self.alike.find_or(bytes, &self.budget)?;
        Some(Bytes::from_owner(ClientBody { bytes, _hold: hold }))
    }

    /// Admits `bytes` that others share and that are already charged; `None` if the client has no share left.
    pub(crate) fn shared(&self, peer: &Arc<Peer>, bytes: Bytes) -> Option<Bytes> {
        if bytes.len() <= 16 * SMALL {
            return Some(bytes);
        }
        let hold = BudgetHold::of(peer, bytes.len())?;
        Some(Bytes::from_owner(ClientBody { bytes, _hold: hold }))
    }
}

impl BodyIndex {
    fn find_or(self: &Arc<Self>, bytes: Bytes, budget: &Budget) -> Option<Arc<SharedBody>> {
        let hash = self.hasher.hash_one(&bytes);
        // Release the lock before anything that may drop the last `SharedBody`: its `drop` takes the lock.
        let known = self.lock().get(&hash).and_then(Weak::upgrade);
        if let Some(shared) = known.filter(|shared| shared.bytes == bytes) {
            return Some(shared);
        }
        let bytes = budget.charge(bytes)?;
        let shared = Arc::new(SharedBody { bytes, hash, alike: Arc::clone(self) });
        self.lock().insert(hash, Arc::downgrade(&shared));
        Some(shared)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Weak<SharedBody>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SharedBody {
    fn drop(&mut self) {
        let mut known = self.alike.lock();
        // Another body with the same hash may have replaced it.
        if known.get(&self.hash).is_some_and(|shared| shared.strong_count() == 0) {
            known.remove(&self.hash);
        }
    }
}

impl AsRef<[u8]> for ClientBody<Arc<SharedBody>> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes.bytes
    }
}

impl AsRef<[u8]> for ClientBody<Bytes> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl BudgetHold {
    fn of(peer: &Arc<Peer>, bytes: usize) -> Option<Self> {
        peer.hold(bytes, SHARE).then(|| Self { peer: Arc::clone(peer), bytes })
    }
}

impl Drop for BudgetHold {
    fn drop(&mut self) {
        self.peer.let_go(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::ListenerKind;

    const MIB: usize = 1 << 20;

    fn peer() -> Arc<Peer> {
        Peer::new(None, ListenerKind::Public, None)
    }

    fn page(byte: u8) -> Bytes {
        Bytes::from(vec![byte; 4 * MIB])
    }

    // A06
    #[test]
    fn equal_answers_are_one_and_a_connection_has_its_share() {
        let (budget, one) = (Budget::new(10 * MIB), peer());
        let answers = Answers::new(budget.clone());
        let first: Vec<_> = (0..4).map(|_| answers.made(&one, page(1)).unwrap()).collect();
        assert!(budget.left() > 5 * MIB && budget.left() < 6 * MIB);
        assert!(answers.made(&one, page(1)).is_none());
        let others: Vec<_> = (0..100).map(|_| answers.made(&peer(), page(1)).unwrap()).collect();
        assert!(budget.left() > 5 * MIB);
        let second = answers.made(&peer(), page(2)).unwrap();
        assert!(answers.made(&peer(), page(3)).is_none());
        assert_eq!((first[3][7], others[99][7], second[7]), (1, 1, 2));
        drop((first, others, second));
        assert!(answers.alike.lock().is_empty() && budget.left() >= 10 * MIB - 512);
        assert!(answers.made(&one, page(1)).is_some());
    }

    // A06
    #[test]
    fn what_is_small_or_shared_already_is_not_charged() {
        let (budget, one) = (Budget::new(0), peer());
        let answers = Answers::new(budget);
        assert!(answers.made(&one, Bytes::from(vec![1; SMALL])).is_some());
        assert!(answers.made(&one, Bytes::from(vec![1; SMALL + 1])).is_none());
        let held: Vec<_> = (0..4).map(|_| answers.shared(&one, page(1)).unwrap()).collect();
        assert!(answers.shared(&one, page(1)).is_none());
        drop(held);
        assert!(answers.shared(&one, page(1)).is_some());
    }
}
