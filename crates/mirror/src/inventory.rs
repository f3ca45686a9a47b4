//! The inventory for people: counts, lists and removes what is held.

use std::time::SystemTime;

use entrepot_catalog::{Ancestor, Origin, RepoKey, Selection};
use entrepot_oci::{Digest, ImageRef, Name, Page, Reference};

use crate::{error::Error, mirror::Mirror, names::RegistryHint};

/// Everything that is held, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Repositories of which anything is held.
    pub repositories: u64,
    /// Tags in them.
    pub tags: u64,
    /// Manifests in them.
    pub manifests: u64,
    /// Distinct blobs, manifests excepted.
    pub blobs: u64,
    /// Bytes of all distinct content.
    pub bytes: u64,
}

/// A repository of which something is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRepository {
    /// The whole name: `docker.io/library/nginx`, or `local/app`.
    pub name: String,
    /// The number of tags held.
    pub tags: u64,
    /// The number of manifests held.
    pub manifests: u64,
    /// The number of blobs held.
    pub blobs: u64,
    /// Bytes of its manifests and blobs, each digest once. Other repositories may share them.
    pub bytes: u64,
    /// The number of pulls of its manifests.
    pub pulls: u64,
    /// The time of the last pull, in seconds since 1970.
    pub last_pulled: Option<u64>,
}

/// A page of repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryPage {
    /// In order of their names.
    pub repositories: Vec<HeldRepository>,
    /// More follow the last one listed.
    pub more: bool,
}

/// A page of names that were pushed here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamePage {
    /// In bytewise order.
    pub names: Vec<String>,
    /// More follow the last one listed.
    pub more: bool,
}

/// An image that is held: a manifest that no other one holds as its child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldImage {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// The tags that point at it.
    pub tags: Vec<String>,
    /// Bytes held of it.
    pub bytes: u64,
    /// The number of pulls.
    pub pulls: u64,
    /// The time of the last pull, in seconds since 1970.
    pub last_pulled: Option<u64>,
    /// The time it was first held, in seconds since 1970.
    pub since: Option<u64>,
}

/// A page of images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePage {
    /// In order of their digests.
    pub images: Vec<HeldImage>,
    /// More follow the last one listed.
    pub more: bool,
}

/// What a removal took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// Manifests that are no longer held in the repository.
    pub manifests: u64,
    /// Blobs that are no longer held in the repository.
    pub blobs: u64,
    /// Bytes that were freed: content that no other repository holds.
    pub freed: u64,
}

impl Mirror {
    /// What leads to a manifest or blob of a repository, as far as it is held: itself first, then the manifests above it.
    ///
    /// # Errors
    /// The catalog failed.
    pub async fn lineage(&self, key: &RepoKey, digest: &Digest) -> Result<Vec<Ancestor>, Error> {
        self.0.holdings.lineage(key, digest).await
    }

    /// The repository of that name, as [`HeldRepository::name`] writes it. It may belong to a registry that is no upstream any
    /// more.
    ///
    /// # Errors
    /// It is not the name of a repository.
    pub fn held_as(&self, name: &Name) -> Result<RepoKey, Error> {
        match (self.locate(name, RegistryHint::default()), name.split_host()) {
            (Err(Error::NotAnUpstream { .. }), Some((host, rest))) => {
                let repository = ImageRef::repository_on(&host, rest);
                let repository = repository.map_err(|_| Error::NotARepository { name: name.to_string() })?;
                Ok(RepoKey { origin: Origin::Upstream(host), repository })
            }
            (located, _) => located.map(|target| target.key),
        }
    }

    /// Counts what is held.
    ///
    /// # Errors
    /// [`Error::Store`]
    pub async fn holdings(&self) -> Result<Totals, Error> {
        self.record_pulls().await;
        let totals = self.0.holdings.totals().await?;
        Ok(Totals {
            repositories: totals.repositories,
            tags: totals.tags,
            manifests: totals.manifests,
            blobs: totals.blobs,
            bytes: totals.bytes,
        })
    }

    /// Lists repositories whose names start with `prefix`.
    ///
    /// # Errors
    /// [`Error::Store`]
    pub async fn repositories(&self, prefix: Option<&str>, page: &Page) -> Result<RepositoryPage, Error> {
        self.record_pulls().await;
        let listing = self.0.holdings.repositories(prefix, page).await?;
        let repositories = listing.rows.into_iter().map(|row| HeldRepository {
            name: row.key.to_string(),
            tags: row.tags,
            manifests: row.manifests,
            blobs: row.blobs,
            bytes: row.bytes,
            pulls: row.pulls,
            last_pulled: row.last_used.and_then(seconds),
        });
        Ok(RepositoryPage { repositories: repositories.collect(), more: listing.more })
    }

    /// Lists the names that were pushed here; `None` if that is not allowed ([`Settings::catalog`](crate::MirrorSettings)).
    ///
    /// # Errors
    /// [`Error::Store`]
    pub async fn hosted_names(&self, page: &Page) -> Result<Option<NamePage>, Error> {
        if !self.0.lists_hosted {
            return Ok(None);
        }
        let mut found = NamePage::default();
        for prefix in outermost(self.0.names.hosted_prefixes()) {
            let mut part = page.clone();
            // What is mirrored under such a name is left out, so one page may not be enough.
            while found.names.len() <= page.limit() {
                let listing = self.0.holdings.repositories(Some(prefix), &part).await?;
                let last = listing.rows.last().map(|row| row.key.to_string());
                let hosted = listing.rows.into_iter().filter(|row| row.key.origin == Origin::Hosted);
                found.names.extend(hosted.map(|row| row.key.to_string()));
                found.more = listing.more;
                let Some(last) = last.filter(|_| listing.more) else { break };
                part = page.following(&last);
            }
        }
        found.more |= found.names.len() > page.limit();
        found.names.truncate(page.limit());
        Ok(Some(found))
    }

    /// Lists a repository's images.
    ///
    /// # Errors
    /// Nothing of the repository is held.
    pub async fn images(&self, key: &RepoKey, page: &Page) -> Result<ImagePage, Error> {
        self.known(key).await?;
        self.record_pulls().await;
        let listing = self.0.holdings.images(key, page).await?;
        let images = listing.rows.into_iter().map(|row| HeldImage {
            digest: row.digest,
            media_type: row.media_type.to_string(),
            tags: row.tags.iter().map(ToString::to_string).collect(),
            bytes: row.size_held,
            pulls: row.pulls,
            last_pulled: row.last_used.and_then(seconds),
            since: seconds(row.created),
        });
        Ok(ImagePage { images: images.collect(), more: listing.more })
    }

    /// Removes a repository, or one image of it, and content that nothing else uses.
    ///
    /// # Errors
    /// Nothing of that is held.
    pub async fn remove(&self, key: &RepoKey, reference: Option<&Reference>) -> Result<Removal, Error> {
        self.known(key).await?;
        let selection = match reference {
            None => Selection::Repository,
            Some(Reference::Tag(tag)) => Selection::Tag(tag.clone()),
            Some(Reference::Digest(digest)) => Selection::Digest(*digest),
        };
        let (removed, freed) = self.0.holdings.remove(key, &selection).await?;
        if let Some(reference) = reference.filter(|_| removed.manifests == 0 && removed.tags == 0) {
            return Err(Error::ManifestUnknown { name: key.to_string(), reference: reference.to_string() });
        }
        Ok(Removal { manifests: removed.manifests, blobs: removed.unlinked, freed })
    }

    async fn known(&self, key: &RepoKey) -> Result<(), Error> {
        let known = self.0.holdings.has_repository(key).await?;
        known.then_some(()).ok_or_else(|| Error::RepositoryUnknown { name: key.to_string() })
    }
}

// Prefixes in order, without those below others.
fn outermost(prefixes: &[String]) -> Vec<&str> {
    let mut prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    prefixes.sort_unstable();
    prefixes.dedup_by(|inner, outer| inner.starts_with(*outer));
    prefixes
}

fn seconds(time: SystemTime) -> Option<u64> {
    time.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
}
