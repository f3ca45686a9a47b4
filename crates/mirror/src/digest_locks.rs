//! Locks by digest: recording content and deleting its bytes exclude each other.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use entrepot_oci::Digest;
use tokio::sync::{Mutex, MutexGuard};

/// The number of locks. Digests that share one wait for each other, which costs time and nothing else.
const LOCKS: usize = 64;

/// A fixed set of locks that all digests share, so that their memory is bounded.
pub(crate) struct DigestLocks([Mutex<()>; LOCKS]);

impl Default for DigestLocks {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl DigestLocks {
    /// Locks a digest until the guard is dropped. Two digests may share a lock: nobody may hold two guards at a time.
    pub(crate) async fn lock(&self, digest: &Digest) -> MutexGuard<'_, ()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(digest);
        self.0[hash as usize % LOCKS].lock().await
    }
}
