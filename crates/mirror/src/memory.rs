//! What is answered from memory, so that a warm pull asks neither catalog nor upstream.

use std::{sync::Arc, time::Duration, time::SystemTime};

use entrepot_catalog::RepoKey;
use entrepot_oci::{Descriptor, Digest, Reference, Tag};
use foldhash::quality::RandomState;
use moka::sync::CacheBuilder;

use crate::{Error, HeldManifest, ManifestHead};

/// How long a refusal is remembered.
const ABSENT_FOR: Duration = Duration::from_secs(60);
/// How long an upstream's answer to a `HEAD` of something not held is remembered.
const HEAD_FOR: Duration = Duration::from_secs(60);
/// Bytes of manifests kept.
const MANIFEST_BYTES: u64 = 24 << 20;
const TAGS: u64 = 50_000;
const LINKS: u64 = 100_000;
const ABSENT: u64 = 10_000;
const REFERRERS: u64 = 10_000;

/// What is known of a tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TagState {
    pub(crate) digest: Digest,
    /// When the upstream last said so.
    pub(crate) checked: SystemTime,
    /// The upstream failed to answer; before this it is not asked again.
    pub(crate) not_before: Option<SystemTime>,
    /// The catalog has it too. What only a `HEAD` told does not go there, since nothing is held of it yet.
    pub(crate) recorded: bool,
}

/// Keys are hashed with a seed of this process: nobody can choose names that collide.
type Cache<K, V> = moka::sync::Cache<K, V, RandomState>;

/// The caches. Entries are hints: losing one costs a look-up, never an answer.
pub(crate) struct Memory {
    pub(crate) manifests: Cache<(RepoKey, Digest), Arc<HeldManifest>>,
    pub(crate) tags: Cache<(RepoKey, Tag), TagState>,
    /// Sizes of blobs known to be in a repository.
    pub(crate) links: Cache<(RepoKey, Digest), u64>,
    /// What an upstream refused.
    pub(crate) absent: Cache<(RepoKey, Reference), Error>,
    pub(crate) heads: Cache<(RepoKey, Reference), ManifestHead>,
    /// What an upstream last said refers to a manifest, an empty list included.
    pub(crate) referrers: Cache<(RepoKey, Digest), Arc<[Descriptor]>>,
}

fn bounded<K, V>(entries: u64) -> CacheBuilder<K, V, moka::sync::Cache<K, V>>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    CacheBuilder::new(entries)
}

impl Memory {
    pub(crate) fn new() -> Self {
        let weigh = |_: &(RepoKey, Digest), manifest: &Arc<HeldManifest>| {
            u32::try_from(manifest.bytes.len() + 256).unwrap_or(u32::MAX)
        };
        let hasher = RandomState::default;
        Self {
            manifests: moka::sync::Cache::builder()
                .weigher(weigh)
                .max_capacity(MANIFEST_BYTES)
                .support_invalidation_closures()
                .build_with_hasher(hasher()),
            tags: bounded(TAGS).support_invalidation_closures().build_with_hasher(hasher()),
            links: bounded(LINKS).support_invalidation_closures().build_with_hasher(hasher()),
            absent: bounded(ABSENT).time_to_live(ABSENT_FOR).build_with_hasher(hasher()),
            heads: bounded(ABSENT).time_to_live(HEAD_FOR).build_with_hasher(hasher()),
            referrers: bounded(REFERRERS).build_with_hasher(hasher()),
        }
    }

    /// Forgets a whole repository.
    pub(crate) fn forget(&self, key: &RepoKey) {
        let (a, b, c) = (key.clone(), key.clone(), key.clone());
        // The builder enabled closures, which is the only thing these can refuse for.
        let _ = self.manifests.invalidate_entries_if(move |(of, _), _| *of == a);
        let _ = self.tags.invalidate_entries_if(move |(of, _), _| *of == b);
        let _ = self.links.invalidate_entries_if(move |(of, _), _| *of == c);
    }
}
