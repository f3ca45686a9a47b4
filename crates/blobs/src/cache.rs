//! Blobs that can be served without a system call or a request. Only hits are cached, never misses.

use std::{
    hash::BuildHasher as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use entrepot_bounded_cache::BoundedCache;
use entrepot_oci::Digest;
use foldhash::quality::RandomState;

use crate::held::HeldBlob;

const MEMORY_TOTAL: u64 = 16 << 20;
// Each one keeps a file descriptor open.
const MAX_MAPPINGS: u64 = 256;
const MAX_OBJECTS: u64 = 64 << 10;
// Another process may remove objects.
const OBJECT_TTL: Duration = Duration::from_secs(10 * 60);
// Approximate overhead of an entry, and the size of a usual one, in bytes.
const ENTRY_BYTES: u64 = 256;
const USUAL: u64 = 4 << 10;

pub(crate) struct Cache {
    small: BoundedCache<Digest, HeldBlob>,
    large: BoundedCache<Digest, HeldBlob>,
    // Counted in buckets by digest, so that a removal affects few other blobs.
    removals: [AtomicU64; 256],
    hasher: RandomState,
}

/// The time of a lookup; used to detect removals since then.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Mark(u64);

impl Cache {
    /// For blobs on disk, which only this process removes.
    pub(crate) fn of_files() -> Self {
        Self::new(MAX_MAPPINGS, None)
    }

    /// For blobs in S3.
    pub(crate) fn of_objects() -> Self {
        Self::new(MAX_OBJECTS, Some(OBJECT_TTL))
    }

    fn new(large: u64, lifetime: Option<Duration>) -> Self {
        let small =
            BoundedCache::of_bytes(MEMORY_TOTAL, USUAL, |_, held: &HeldBlob| held.size() + ENTRY_BYTES);
        let (small, large) = match (small, BoundedCache::of_entries(large), lifetime) {
            (small, large, None) => (small, large),
            (small, large, Some(lifetime)) => (small.with_lifetime(lifetime), large.with_lifetime(lifetime)),
        };
        Self { small, large, removals: [const { AtomicU64::new(0) }; 256], hasher: RandomState::default() }
    }

    pub(crate) fn get(&self, digest: &Digest) -> Option<HeldBlob> {
        self.small.get(digest).or_else(|| self.large.get(digest))
    }

    /// Must be taken before looking up what will be cached.
    pub(crate) fn mark(&self, digest: &Digest) -> Mark {
        Mark(self.removals(digest).load(Ordering::SeqCst))
    }

    pub(crate) fn keep(&self, mark: Mark, digest: &Digest, held: HeldBlob) {
        let cache = match held {
            HeldBlob::Memory(_) => &self.small,
            HeldBlob::Mapped(_) | HeldBlob::Object(_) => &self.large,
        };
        cache.insert(*digest, held);
        // The blob may have been removed before it was cached. Removing it again is cheap; keeping it would be wrong.
        if self.mark(digest) != mark {
            self.drop_entry(digest);
        }
    }

    /// Must be called after a removal, or if the cached value may be wrong.
    pub(crate) fn forget(&self, digest: &Digest) {
        self.removals(digest).fetch_add(1, Ordering::SeqCst);
        self.drop_entry(digest);
    }

    fn removals(&self, digest: &Digest) -> &AtomicU64 {
        &self.removals[usize::from(self.hasher.hash_one(digest).to_le_bytes()[0])]
    }

    fn drop_entry(&self, digest: &Digest) {
        self.small.remove(digest);
        self.large.remove(digest);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, sync::Arc};

    use bytes::Bytes;

    use super::*;
    use crate::Mapping;

    fn memory() -> HeldBlob {
        HeldBlob::Memory(Bytes::from_static(b"x"))
    }

    #[test]
    fn what_was_removed_while_it_was_looked_up_is_not_kept() {
        let (cache, digest) = (Cache::of_files(), Digest::of(b"x"));
        let mark = cache.mark(&digest);
        cache.forget(&digest);
        cache.keep(mark, &digest, memory());
        assert!(cache.get(&digest).is_none());
        cache.keep(cache.mark(&digest), &digest, memory());
        assert!(cache.get(&digest).is_some());
    }

    #[test]
    fn open_files_are_bounded() {
        let cache = Cache::of_files();
        let path = tempfile::NamedTempFile::new().unwrap();
        for index in 0..3 * MAX_MAPPINGS {
            let mapping = Mapping::of(Arc::new(File::open(path.path()).unwrap())).unwrap();
            let digest = Digest::of(&index.to_le_bytes());
            cache.keep(cache.mark(&digest), &digest, HeldBlob::Mapped(mapping));
            assert!(cache.large.len() as u64 <= MAX_MAPPINGS);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let cache = Cache::of_files();
        for index in 0..1000_u64 {
            let held = HeldBlob::Memory(vec![0; 64 << 10].into());
            let digest = Digest::of(&index.to_le_bytes());
            cache.keep(cache.mark(&digest), &digest, held);
            assert!(cache.small.size() <= MEMORY_TOTAL);
        }
    }

    #[test]
    fn what_others_may_remove_is_believed_for_a_time() {
        let digest = Digest::of(b"x");
        for (lifetime, is_kept) in [(None, true), (Some(OBJECT_TTL), true), (Some(Duration::ZERO), false)] {
            let cache = Cache::new(MAX_OBJECTS, lifetime);
            cache.keep(cache.mark(&digest), &digest, memory());
            assert_eq!(cache.get(&digest).is_some(), is_kept, "{lifetime:?}");
        }
    }
}
