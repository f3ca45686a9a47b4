//! An image as the library means it. Pure.

use std::fmt;

use entrepot_catalog::{EntryRecord, Origin, RepoKey};
use entrepot_oci::{Reference, Tag};

/// An image as the library means it: a repository that our mirror has or fetches, and what of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryImage {
    key: RepoKey,
    reference: Reference,
}

impl LibraryImage {
    /// An image of a repository.
    pub fn new(key: RepoKey, reference: Reference) -> Self {
        Self { key, reference }
    }

    /// The image of an entry: what its address led to at the last check, so that all nodes get the same.
    pub(crate) fn of_entry(entry: &EntryRecord) -> Option<Self> {
        let fields = &entry.fields;
        let repository = fields.repository.parse().ok()?;
        let origin =
            if fields.host.is_empty() { Origin::Hosted } else { Origin::Upstream(fields.host.parse().ok()?) };
        let written = fields.digest.as_deref().and_then(|digest| digest.parse().ok());
        let reference = match written.or(entry.check.digest) {
            Some(digest) => Reference::Digest(digest),
            None => match fields.tag.as_deref() {
                Some(tag) => Reference::Tag(tag.parse().ok()?),
                None => Reference::Tag(Tag::latest()),
            },
        };
        Some(Self { key: RepoKey { origin, repository }, reference })
    }

    /// The repository.
    pub fn key(&self) -> &RepoKey {
        &self.key
    }

    /// What of it.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }
}

/// As people write it: `docker.io/library/nginx:1.27`, `local/app@sha256:…`.
impl fmt::Display for LibraryImage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reference {
            Reference::Tag(tag) => write!(formatter, "{}:{tag}", self.key),
            Reference::Digest(digest) => write!(formatter, "{}@{digest}", self.key),
        }
    }
}
