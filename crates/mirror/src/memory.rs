//! The caches that let a warm pull go without catalog and upstream.
//!
//! Clients and upstreams decide how much is put into them, so each is bounded in bytes: 64 MiB in all, and the manifests'
//! share is charged to the [`Budget`] as well. An entry is a hint: losing one costs a look-up, never an answer.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use entrepot_bounded_cache::BoundedCache;
use entrepot_catalog::RepoKey;
use entrepot_oci::{Descriptor, Digest, Manifest, Reference, Tag};

use crate::{
    budget::Budget,
    error::Error,
    served::{BlobHead, HeldManifest, ManifestHead},
    verdict::VerdictState,
};

/// How long a refusal is kept.
const REFUSALS_FOR: Duration = Duration::from_secs(60);
/// How long it is kept that something is not there: what is pushed right after the question, such as a signature or an image
/// that a pipeline waits for, is there soon.
const ABSENCE_FOR: Duration = Duration::from_secs(3);
/// How long an upstream's answer to a `HEAD` is kept, for what is not held.
const HEAD_FOR: Duration = Duration::from_secs(60);

// The bound of each cache in bytes; 64 MiB in all.
const MANIFESTS: u64 = 24 << 20;
const TAGS: u64 = 8 << 20;
const LINKS: u64 = 14 << 20;
const REFUSALS: u64 = 4 << 20;
const HEADS: u64 = 3 << 20;
const BLOB_HEADS: u64 = 1 << 20;
const REFERRERS: u64 = 4 << 20;
const SIZES: u64 = 3 << 20;
const GONE: u64 = 1 << 20;
const VERDICTS: u64 = 2 << 20;
const CACHES: u64 =
    MANIFESTS + TAGS + LINKS + REFUSALS + HEADS + BLOB_HEADS + REFERRERS + SIZES + GONE + VERDICTS;
const _: () = assert!(CACHES == 64 << 20);

/// The most bytes of manifests, listings and pushed documents at a time, those in a cache included.
const IN_FLIGHT: usize = 48 << 20;
const _: () = assert!(IN_FLIGHT as u64 >= 2 * MANIFESTS);

/// The approximate size of an entry without its texts.
const ENTRY: usize = 320;
// Usual sizes of entries, in bytes.
const MANIFEST: u64 = 4 << 10;
const NAMED: u64 = 350;

/// A tag's manifest, and when the upstream last confirmed it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TagState {
    /// The manifest that it points at.
    pub(crate) digest: Digest,
    /// When the upstream last confirmed it; for a hosted tag, when the catalog did.
    pub(crate) checked: SystemTime,
    /// Before this time the upstream is not asked again, since it has just failed to answer.
    pub(crate) not_before: Option<SystemTime>,
    /// The catalog has it too. The answer to a `HEAD` does not go there, because nothing is held of the manifest yet.
    pub(crate) recorded: bool,
}

/// What a manifest says of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stated {
    /// The blob's size.
    pub(crate) size: u64,
    /// The manifest.
    pub(crate) manifest: Digest,
    /// The size of all blobs that it names.
    pub(crate) image: u64,
}

/// What is asked of an upstream. The same digest is refused as a blob and not as a manifest, or the other way round.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wanted {
    Manifest(Reference),
    Blob(Digest),
}

/// The caches.
pub(crate) struct Memory {
    pub(crate) manifests: BoundedCache<(RepoKey, Digest), Arc<HeldManifest>>,
    pub(crate) tags: BoundedCache<(RepoKey, Tag), TagState>,
    /// The blobs that a repository has, with their sizes.
    pub(crate) links: BoundedCache<(RepoKey, Digest), u64>,
    /// Refusals of upstreams, for a minute, and what they do not have, for some seconds.
    pub(crate) refusals: BoundedCache<(RepoKey, Wanted), Error>,
    pub(crate) heads: BoundedCache<(RepoKey, Reference), ManifestHead>,
    pub(crate) blob_heads: BoundedCache<(RepoKey, Digest), BlobHead>,
    /// The referrers that an upstream listed last, an empty list included.
    pub(crate) referrers: BoundedCache<(RepoKey, Digest), Arc<[Descriptor]>>,
    /// What manifests say of blobs, before the catalog knows of them.
    pub(crate) sizes: BoundedCache<(RepoKey, Digest), Stated>,
    /// Manifests that lead to something that the upstream does not have any more, and since when that is known.
    pub(crate) gone: BoundedCache<(RepoKey, Digest), SystemTime>,
    /// Whether repositories of upstreams are public, where accounts are used.
    pub(crate) verdicts: BoundedCache<RepoKey, VerdictState>,
    pub(crate) budget: Budget,
}

fn lifetime(refusal: &Error) -> Duration {
    match refusal {
        Error::ManifestUnknown { .. } | Error::BlobUnknown { .. } | Error::RepositoryUnknown { .. } => {
            ABSENCE_FOR
        }
        _ => REFUSALS_FOR,
    }
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            manifests: BoundedCache::of_bytes(
                MANIFESTS,
                MANIFEST,
                |(key, _), manifest: &Arc<HeldManifest>| size(key, manifest.bytes.len()),
            ),
            tags: BoundedCache::of_bytes(TAGS, NAMED, |(key, tag), _| size(key, tag.as_str().len())),
            links: BoundedCache::of_bytes(LINKS, NAMED, |(key, _), _| size(key, 0)),
            refusals: BoundedCache::of_bytes(REFUSALS, NAMED, |(key, _), refused: &Error| {
                size(key, refused.weight())
            }),
            heads: BoundedCache::of_bytes(HEADS, NAMED, |(key, _), head: &ManifestHead| {
                size(key, head.media_type.as_str().len())
            })
            .with_lifetime(HEAD_FOR),
            blob_heads: BoundedCache::of_bytes(BLOB_HEADS, NAMED, |(key, _), _| size(key, 0))
                .with_lifetime(HEAD_FOR),
            referrers: BoundedCache::of_bytes(REFERRERS, MANIFEST, |(key, _), listed: &Arc<[Descriptor]>| {
                size(key, listed.iter().map(Descriptor::weight).sum())
            }),
            sizes: BoundedCache::of_bytes(SIZES, NAMED, |(key, _), _| size(key, 0)),
            gone: BoundedCache::of_bytes(GONE, NAMED, |(key, _), _| size(key, 0)).with_lifetime(REFUSALS_FOR),
            verdicts: BoundedCache::of_bytes(VERDICTS, NAMED, |key, _| size(key, 0)),
            budget: Budget::new(IN_FLIGHT),
        }
    }

    /// The bytes of a manifest, charged to the budget.
    ///
    /// # Errors
    /// [`Error::Busy`] if they do not fit.
    pub(crate) fn charge(&self, bytes: Bytes) -> Result<Bytes, Error> {
        self.budget.charge(bytes).ok_or(Error::Busy)
    }

    /// Remembers a manifest, and `tags` as pointing at it since `checked`.
    pub(crate) fn set_manifest(
        &self,
        key: &RepoKey,
        manifest: &Arc<HeldManifest>,
        tags: &[Tag],
        checked: SystemTime,
    ) {
        self.manifests.insert((key.clone(), manifest.digest), Arc::clone(manifest));
        let state = TagState { digest: manifest.digest, checked, not_before: None, recorded: true };
        for tag in tags {
            self.tags.insert((key.clone(), tag.clone()), state);
        }
    }

    /// Remembers a refusal if it is the upstream's answer, and returns it.
    pub(crate) fn set_refusal(&self, key: &RepoKey, wanted: &Wanted, refusal: Error) -> Error {
        if refusal.is_an_answer() {
            self.refusals.insert_for((key.clone(), wanted.clone()), refusal.clone(), lifetime(&refusal));
        }
        refusal
    }

    /// Remembers what a manifest says of its blobs.
    pub(crate) fn set_sizes(&self, key: &RepoKey, digest: &Digest, content: &Manifest) {
        let image = content.blobs().fold(0_u64, |sum, blob| sum.saturating_add(blob.size));
        for blob in content.blobs() {
            let stated = Stated { size: blob.size, manifest: *digest, image };
            self.sizes.insert((key.clone(), blob.digest), stated);
        }
    }

    /// Forgets a manifest and the tags that point at it.
    pub(crate) fn forget_manifest(&self, key: &RepoKey, digest: &Digest) {
        self.manifests.remove(&(key.clone(), *digest));
        self.tags.retain(|(of, _), state| state.digest != *digest || of != key);
    }

    /// Forgets a whole repository.
    pub(crate) fn forget_repository(&self, key: &RepoKey) {
        self.manifests.retain(|(of, _), _| of != key);
        self.tags.retain(|(of, _), _| of != key);
        self.links.retain(|(of, _), _| of != key);
    }
}

// Hosts are configured and shared; repository names are whatever clients ask for.
fn size(key: &RepoKey, texts: usize) -> u64 {
    (key.repository.as_str().len() + texts + ENTRY) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use entrepot_catalog::Origin;
    use entrepot_oci::Host;

    use super::*;
    use crate::error::UpstreamFault;

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

    // U31
    #[test]
    fn what_is_missing_may_come_soon_and_what_is_denied_not() {
        let absent = Error::RepositoryUnknown { name: "a".to_owned() };
        let denied =
            Error::Upstream { host: Host::docker_hub(), fault: UpstreamFault::Denied("no".to_owned()) };
        assert_eq!((lifetime(&absent), lifetime(&denied)), (ABSENCE_FOR, REFUSALS_FOR));
    }

    // A05
    #[test]
    fn what_strangers_say_is_counted_in_bytes() {
        let memory = Memory::new();
        for number in 0..20_000 {
            let of = (key(number), Digest::of(b"x"));
            let fault = UpstreamFault::Denied("y".repeat(300));
            let refused = Error::Upstream { host: Host::docker_hub(), fault };
            memory.refusals.insert((of.0.clone(), Wanted::Blob(of.1)), refused);
            memory.links.insert(of.clone(), 1);
            memory.sizes.insert(of.clone(), Stated { size: 1, manifest: of.1, image: 1 });
            if number < 50 {
                memory.referrers.insert(of, listing(8000));
            }
        }
        assert!(!memory.refusals.is_empty() && memory.refusals.size() <= REFUSALS);
        assert!((memory.refusals.len() as u64) < REFUSALS / 800, "{}", memory.refusals.len());
        assert!(memory.links.size() <= LINKS && memory.sizes.size() <= SIZES);
        assert!((memory.referrers.len() as u64) < REFERRERS / 800_000 + 1);
    }

    // A06
    #[test]
    fn manifests_that_nobody_lets_go_of_are_refused_in_the_end() {
        let memory = Memory::new();
        let mut held = Vec::new();
        while let Ok(bytes) = memory.charge(Bytes::from(vec![0; 4 << 20])) {
            held.push(bytes);
            assert!(held.len() < 100);
        }
        assert!(held.len() >= 8, "{}", held.len());
        assert!(memory.charge(Bytes::from_static(b"{}")).is_ok());
        held.pop();
        assert!(memory.charge(Bytes::from(vec![0; 4 << 20])).is_ok());
    }
}
