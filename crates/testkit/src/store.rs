//! The registry's content, in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::{Bytes, BytesMut};
use entrepot_oci::{Descriptor, Digest, Manifest, MediaType, Reference, referrers_tag};

/// All repositories and unfinished uploads.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) repositories: BTreeMap<String, Repository>,
    pub(crate) uploads: HashMap<String, BytesMut>,
    opened: u64,
}

/// One repository.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    pub(crate) blobs: HashMap<Digest, Bytes>,
    pub(crate) manifests: BTreeMap<Digest, StoredManifest>,
    pub(crate) tags: BTreeMap<String, TagTurns>,
}

/// A manifest as it was pushed.
#[derive(Clone, Debug)]
pub(crate) struct StoredManifest {
    pub(crate) media_type: MediaType,
    pub(crate) bytes: Bytes,
    /// `None` if a test stored something that is not a manifest.
    pub(crate) parsed: Option<Manifest>,
}

/// The target of a tag: always the same, or several in turn.
#[derive(Clone, Debug)]
pub(crate) struct TagTurns {
    digests: Vec<Digest>,
    next: usize,
}

impl TagTurns {
    pub(crate) fn new(digests: Vec<Digest>) -> Self {
        assert!(!digests.is_empty(), "a tag points at something");
        Self { digests, next: 0 }
    }

    fn names(&self, digest: &Digest) -> bool {
        self.digests.contains(digest)
    }

    pub(crate) fn all(&self) -> &[Digest] {
        &self.digests
    }

    fn take(&mut self) -> Digest {
        let digest = self.digests[self.next % self.digests.len()];
        self.next += 1;
        digest
    }
}

impl Store {
    pub(crate) fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }

    /// Opens an upload and returns its id.
    pub(crate) fn open_upload(&mut self) -> String {
        self.opened += 1;
        let id = format!("upload-{}", self.opened);
        self.uploads.insert(id.clone(), BytesMut::new());
        id
    }
}

impl Repository {
    pub(crate) fn put_manifest(&mut self, media_type: &MediaType, bytes: Bytes, digest: Digest) {
        let parsed = Manifest::parse(&bytes, Some(media_type)).ok();
        self.manifests.insert(digest, StoredManifest { media_type: media_type.clone(), bytes, parsed });
    }

    pub(crate) fn tag(&mut self, tag: &str, digest: Digest) {
        self.tags.insert(tag.to_owned(), TagTurns::new(vec![digest]));
    }

    pub(crate) fn manifest(&mut self, reference: &Reference) -> Option<(Digest, StoredManifest)> {
        let digest = match reference {
            Reference::Digest(digest) => *digest,
            Reference::Tag(tag) => self.tags.get_mut(tag.as_str())?.take(),
        };
        self.manifests.get(&digest).map(|stored| (digest, stored.clone()))
    }

    /// Deletes a manifest and the tags that point to it; returns whether it existed.
    pub(crate) fn delete_manifest(&mut self, digest: &Digest) -> bool {
        self.tags.retain(|_, turns| !turns.names(digest));
        self.manifests.remove(digest).is_some()
    }

    /// Deletes the manifests that no tag leads to, directly or through an index.
    pub(crate) fn collect(&mut self) {
        let mut left: Vec<Digest> = self.tags.values().flat_map(|turns| turns.all().to_vec()).collect();
        let mut reached = BTreeSet::new();
        while let Some(digest) = left.pop() {
            let held = self.manifests.get(&digest).filter(|_| reached.insert(digest));
            let parsed = held.and_then(|stored| stored.parsed.as_ref());
            left.extend(parsed.iter().flat_map(|manifest| manifest.manifests()).map(|child| child.digest));
        }
        self.manifests.retain(|digest, _| reached.contains(digest));
    }

    /// Descriptors of the manifests with this subject, ordered by digest.
    pub(crate) fn referrers(&self, subject: &Digest) -> Vec<Descriptor> {
        let about = |manifest: &Manifest| manifest.subject().is_some_and(|named| named.digest == *subject);
        let parsed = self
            .manifests
            .iter()
            .filter_map(|(digest, stored)| Some((digest, stored, stored.parsed.as_ref()?)));
        parsed
            .filter(|(_, _, manifest)| about(manifest))
            .map(|(digest, stored, manifest)| Descriptor {
                media_type: stored.media_type.to_string(),
                digest: *digest,
                size: stored.bytes.len() as u64,
                artifact_type: manifest.artifact_type().map(str::to_owned),
                annotations: manifest.annotations().cloned(),
                platform: None,
                urls: Vec::new(),
            })
            .collect()
    }

    /// Updates the referrers tag of `subject`, as clients do where the API is missing.
    pub(crate) fn keep_referrers_tag(&mut self, subject: &Digest) {
        let index = entrepot_oci::ReferrersIndex::new(self.referrers(subject));
        let bytes = Bytes::from(serde_json::to_vec(&index).unwrap());
        let digest = Digest::of(&bytes);
        self.put_manifest(&MediaType::OCI_INDEX, bytes, digest);
        self.tag(referrers_tag(subject).as_str(), digest);
    }
}
