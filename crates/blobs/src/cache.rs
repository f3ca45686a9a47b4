//! Blobs that can be served without a system call or a request. Only hits are cached, never misses.

use std::{
    hash::BuildHasher as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use entrepot_oci::Digest;
use foldhash::quality::RandomState;
use moka::sync::CacheBuilder;

use crate::held::HeldBlob;

const MEMORY_TOTAL: u64 = 16 << 20;
// Each one keeps a file descriptor open.
const MAX_MAPPINGS: u64 = 256;
const MAX_OBJECTS: u64 = 64 << 10;
// Another process may remove objects.
const OBJECT_TTL: Duration = Duration::from_secs(10 * 60);
// Approximate overhead of an entry, in bytes.
const ENTRY_BYTES: usize = 256;

/// Looked up for every small blob, so a fast hash matters.
type Moka = moka::sync::Cache<Digest, HeldBlob, RandomState>;
type Builder = CacheBuilder<Digest, HeldBlob, moka::sync::Cache<Digest, HeldBlob>>;

pub(crate) struct Cache {
    small: Moka,
    large: Moka,
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

    fn new(large: u64, ttl: Option<Duration>) -> Self {
        let build = |builder: Builder| match ttl {
            Some(ttl) => builder.time_to_live(ttl).build_with_hasher(RandomState::default()),
            None => builder.build_with_hasher(RandomState::default()),
        };
        Self {
            small: build(Builder::new(MEMORY_TOTAL).weigher(weight)),
            large: build(Builder::new(large)),
            removals: [const { AtomicU64::new(0) }; 256],
            hasher: RandomState::default(),
        }
    }

    pub(crate) fn get(&self, digest: &Digest) -> Option<HeldBlob> {
        self.small.get(digest).or_else(|| self.large.get(digest))
    }

    /// Must be taken before looking up what will be cached.
    pub(crate) fn mark(&self, digest: &Digest) -> Mark {
        Mark(self.removals(digest).load(Ordering::SeqCst))
    }

    pub(crate) fn keep(&self, mark: Mark, digest: &Digest, held: HeldBlob) {
        match held {
            HeldBlob::Memory(_) => self.small.insert(*digest, held),
            HeldBlob::Mapped(_) => {
                self.large.insert(*digest, held);
                // Evictions are otherwise delayed, and the limit is on descriptors that are open now.
                self.large.run_pending_tasks();
            }
            HeldBlob::Object(_) => self.large.insert(*digest, held),
        }
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
        self.small.invalidate(digest);
        self.large.invalidate(digest);
    }
}

fn weight(_: &Digest, held: &HeldBlob) -> u32 {
    u32::try_from(held.size()).unwrap_or(u32::MAX).saturating_add(ENTRY_BYTES as u32)
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
            assert!(cache.large.entry_count() <= MAX_MAPPINGS);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let cache = Cache::of_files();
        for index in 0..1000_u64 {
            let held = HeldBlob::Memory(vec![0; 64 << 10].into());
            let digest = Digest::of(&index.to_le_bytes());
            cache.keep(cache.mark(&digest), &digest, held);
        }
        cache.small.run_pending_tasks();
        assert!(cache.small.weighted_size() <= MEMORY_TOTAL);
    }
}
