//! What is known here of something before its upstream is asked for it. Anybody can make up names, and upstreams count our
//! questions: whoever limits such questions first looks here. Nothing is asked of an upstream.

use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::{Digest, Reference};

use crate::{memory::Wanted, mirror::Mirror, verdict::Probe};

/// What is known of something without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Familiarity {
    /// It is held or was named by something that is, its upstream has just answered, or is being asked by somebody else.
    Known,
    /// Its upstream would have to be asked, and may not have it.
    Unknown,
}

impl Mirror {
    /// What is known of something of a repository.
    pub async fn familiarity(&self, key: &RepoKey, probe: Probe<'_>) -> Familiarity {
        if key.origin == Origin::Hosted {
            return Familiarity::Known;
        }
        let is_known = match probe {
            Probe::Manifest(reference) => {
                self.remembers_manifest(key, reference) || self.has_recorded(key, reference).await
            }
            Probe::Blob(digest) => {
                self.remembers_blob(key, digest) || self.0.holdings.stated_size(key, digest).await.is_some()
            }
            Probe::Referrers(subject) => self.0.holdings.has_manifest(key, subject).await,
            Probe::Repository => self.0.holdings.has_repository(key).await.unwrap_or_default(),
        };
        if is_known { Familiarity::Known } else { Familiarity::Unknown }
    }

    fn remembers_manifest(&self, key: &RepoKey, reference: &Reference) -> bool {
        let memory = &self.0.memory;
        let is_held = match reference {
            Reference::Tag(tag) => memory.tags.contains_key(&(key.clone(), tag.clone())),
            Reference::Digest(digest) => memory.manifests.contains_key(&(key.clone(), *digest)),
        };
        if is_held {
            return true;
        }
        let entry = (key.clone(), reference.clone());
        memory.heads.contains_key(&entry)
            || memory.refusals.contains_key(&(key.clone(), Wanted::Manifest(reference.clone())))
            || self.0.manifests.is_running(&entry)
            || self.0.heads.is_running(&entry)
    }

    // A catalog that cannot be asked knows nothing.
    async fn has_recorded(&self, key: &RepoKey, reference: &Reference) -> bool {
        let holdings = &self.0.holdings;
        match reference {
            Reference::Tag(tag) => {
                holdings.tag(key, tag, self.0.clock.now()).await.is_ok_and(|state| state.is_some())
            }
            Reference::Digest(digest) => {
                holdings.has_manifest(key, digest).await || !holdings.named_by(key, digest).await.is_empty()
            }
        }
    }

    fn remembers_blob(&self, key: &RepoKey, digest: &Digest) -> bool {
        let (memory, entry) = (&self.0.memory, (key.clone(), *digest));
        memory.links.contains_key(&entry)
            || memory.sizes.contains_key(&entry)
            || memory.blob_heads.contains_key(&entry)
            || memory.refusals.contains_key(&(entry.0, Wanted::Blob(*digest)))
            || self.0.fills.running(digest).is_some_and(|waiter| waiter.fill.is_for(key))
    }

    /// True if the bytes of a repository's blob are held, as far as records say. Nothing is fetched for it.
    pub async fn has_blob(&self, key: &RepoKey, digest: &Digest) -> bool {
        self.0.holdings.blob_size(key, digest).await.is_ok_and(|size| size.is_some())
    }
}
