//! What is answered from memory, so that a warm pull asks neither catalog nor upstream.
//!
//! Most of it was said by strangers, who decide how much there is of it. So every cache is weighed in bytes, here and
//! nowhere else: 64 MiB in all, the manifests' share of which is charged to the [`Budget`] as well.

use std::{hash::Hash, sync::Arc, time::Duration, time::SystemTime};

use bytes::Bytes;
use entrepot_catalog::RepoKey;
use entrepot_oci::{Descriptor, Digest, Manifest, Reference, Tag};
use foldhash::quality::RandomState;
use moka::sync::CacheBuilder;

use crate::{Budget, Error, HeldManifest, ManifestHead};

/// How long a refusal is remembered.
const ABSENT_FOR: Duration = Duration::from_secs(60);
/// How long an upstream's answer to a `HEAD` of something not held is remembered.
const HEAD_FOR: Duration = Duration::from_secs(60);

// What each cache may take, in bytes; 64 MiB in all.
const MANIFESTS: u64 = 24 << 20;
const TAGS: u64 = 8 << 20;
const LINKS: u64 = 16 << 20;
const ABSENT: u64 = 4 << 20;
const HEADS: u64 = 4 << 20;
const REFERRERS: u64 = 4 << 20;
const SIZES: u64 = 4 << 20;
const _: () = assert!(MANIFESTS + TAGS + LINKS + ABSENT + HEADS + REFERRERS + SIZES == 64 << 20);

/// Bytes of manifests, listings and pushed documents at a time, those included that a cache holds.
const IN_FLIGHT: usize = 48 << 20;
const _: () = assert!(IN_FLIGHT as u64 >= 2 * MANIFESTS);

/// What an entry takes besides its texts, roughly.
const ENTRY: usize = 320;

/// What is known of a tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TagState {
    pub(crate) digest: Digest,
    /// When the upstream last said so; of a hosted tag, when the catalog did.
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
    /// The sizes that manifests give to blobs, before the catalog knows of them.
    pub(crate) sizes: Cache<(RepoKey, Digest), u64>,
    pub(crate) budget: Budget,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let hasher = RandomState::default;
        Self {
            manifests: weighed(MANIFESTS, |(key, _), manifest: &Arc<HeldManifest>| {
                of_key(key) + manifest.bytes.len()
            })
            .support_invalidation_closures()
            .build_with_hasher(hasher()),
            tags: weighed(TAGS, |(key, tag), _| of_key(key) + tag_length(tag))
                .support_invalidation_closures()
                .build_with_hasher(hasher()),
            links: weighed(LINKS, |(key, _), _| of_key(key))
                .support_invalidation_closures()
                .build_with_hasher(hasher()),
            absent: weighed(ABSENT, |(key, _), refused: &Error| of_key(key) + refused.weight())
                .time_to_live(ABSENT_FOR)
                .build_with_hasher(hasher()),
            heads: weighed(HEADS, |(key, _), head: &ManifestHead| {
                of_key(key) + head.media_type.as_str().len()
            })
            .time_to_live(HEAD_FOR)
            .build_with_hasher(hasher()),
            referrers: weighed(REFERRERS, |(key, _), listed: &Arc<[Descriptor]>| {
                of_key(key) + listed.iter().map(Descriptor::weight).sum::<usize>()
            })
            .build_with_hasher(hasher()),
            sizes: weighed(SIZES, |(key, _), _| of_key(key)).build_with_hasher(hasher()),
            budget: Budget::new(IN_FLIGHT),
        }
    }

    /// The bytes of a manifest, charged to the budget.
    ///
    /// # Errors
    /// [`Error::Busy`]
    pub(crate) fn hold(&self, bytes: Bytes) -> Result<Bytes, Error> {
        if let Some(held) = self.budget.charge(bytes.clone()) {
            return Ok(held);
        }
        // What is evicted stays for a little while, unless somebody sees to it.
        self.manifests.run_pending_tasks();
        self.budget.charge(bytes).ok_or(Error::Busy)
    }

    /// Notes how large the blobs of a manifest should be.
    pub(crate) fn expect(&self, key: &RepoKey, manifest: &Manifest) {
        for blob in manifest.blobs() {
            self.sizes.insert((key.clone(), blob.digest), blob.size);
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

/// A cache of that many bytes. `weigh` says what the texts of an entry take.
fn weighed<K, V>(
    bytes: u64,
    weigh: impl Fn(&K, &V) -> usize + Send + Sync + 'static,
) -> CacheBuilder<K, V, moka::sync::Cache<K, V>>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let weigh = move |key: &K, value: &V| u32::try_from(weigh(key, value) + ENTRY).unwrap_or(u32::MAX);
    CacheBuilder::new(bytes).weigher(weigh)
}

// Hosts are configured and shared; names are whatever was asked for.
fn of_key(key: &RepoKey) -> usize {
    key.repository.as_str().len()
}

fn tag_length(tag: &Tag) -> usize {
    tag.as_str().len()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use entrepot_catalog::Origin;
    use entrepot_oci::Host;

    use super::*;
    use crate::UpstreamFault;

    fn key(number: usize) -> RepoKey {
        let repository = format!("{}/{number}", "x".repeat(200)).parse().unwrap();
        RepoKey { origin: Origin::Upstream(Host::docker_hub()), repository }
    }

    fn listing(annotation: usize) -> Arc<[Descriptor]> {
        let one = Descriptor {
            media_type: String::new(),
            digest: Digest::of(b""),
            size: 0,
            artifact_type: None,
            annotations: Some(BTreeMap::from([("k".to_owned(), "v".repeat(annotation))])),
            platform: None,
            urls: Vec::new(),
        };
        vec![one; 100].into()
    }

    // A05
    #[test]
    fn what_strangers_say_is_counted_in_bytes() {
        let memory = Memory::new();
        for number in 0..20_000 {
            let of = (key(number), Digest::of(b"x"));
            let fault = UpstreamFault::Denied("y".repeat(300));
            let refused = Error::Upstream { host: Host::docker_hub(), fault };
            memory.absent.insert((of.0.clone(), of.1.into()), refused);
            memory.links.insert(of.clone(), 1);
            memory.sizes.insert(of.clone(), 1);
            if number < 50 {
                memory.referrers.insert(of, listing(8000));
            }
        }
        memory.absent.run_pending_tasks();
        memory.links.run_pending_tasks();
        memory.sizes.run_pending_tasks();
        memory.referrers.run_pending_tasks();
        assert!(memory.absent.entry_count() > 0 && memory.absent.weighted_size() <= ABSENT);
        assert!(memory.absent.entry_count() < ABSENT / 800, "{}", memory.absent.entry_count());
        assert!(memory.links.weighted_size() <= LINKS && memory.sizes.weighted_size() <= SIZES);
        assert!(memory.referrers.entry_count() < REFERRERS / 800_000 + 1);
    }

    // A06
    #[test]
    fn manifests_that_nobody_lets_go_of_are_refused_in_the_end() {
        let memory = Memory::new();
        let mut held = Vec::new();
        while let Ok(bytes) = memory.hold(Bytes::from(vec![0; 4 << 20])) {
            held.push(bytes);
            assert!(held.len() < 100);
        }
        assert!(held.len() >= 8, "{}", held.len());
        assert!(memory.hold(Bytes::from_static(b"{}")).is_ok());
        held.pop();
        assert!(memory.hold(Bytes::from(vec![0; 4 << 20])).is_ok());
    }
}
