//! Locks by digest: making content known and deleting its bytes must not cross.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use entrepot_oci::Digest;
use tokio::sync::{Mutex, MutexGuard};

const STRIPES: usize = 64;

/// A fixed set of locks; digests share them.
pub(crate) struct Stripes([Mutex<()>; STRIPES]);

impl Default for Stripes {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl Stripes {
    /// Held from before bytes are committed until they are linked, and from before a last link is looked for until
    /// the bytes are gone.
    pub(crate) async fn lock(&self, digest: &Digest) -> MutexGuard<'_, ()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(digest);
        self.0[hash as usize % STRIPES].lock().await
    }
}
