//! What is held, for people: listed, counted, removed.

use std::time::SystemTime;

use entrepot_catalog::{Origin, RepoKey, Selection};
use entrepot_oci::{Digest, Image, Name, Page, Reference};

use crate::{Asked, Error, Mirror, store::store_failed};

/// Everything that is held, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
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
    /// As people write it: `docker.io/library/nginx`, or `local/app`.
    pub name: String,
    /// Tags held.
    pub tags: u64,
    /// Manifests held.
    pub manifests: u64,
    /// Blobs held.
    pub blobs: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// How often its manifests were pulled.
    pub pulls: u64,
    /// When last, in seconds since 1970.
    pub last_pulled: Option<u64>,
}

/// A page of repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryPage {
    /// In order of their names.
    pub repositories: Vec<HeldRepository>,
    /// Whether more follow.
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
    /// How often it was pulled.
    pub pulls: u64,
    /// When last, in seconds since 1970.
    pub last_pulled: Option<u64>,
    /// When it came here, in seconds since 1970.
    pub since: Option<u64>,
}

/// A page of images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePage {
    /// In order of their digests.
    pub images: Vec<HeldImage>,
    /// Whether more follow.
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
    /// The repository of that name, as people write it; also one of a registry that is no upstream any more.
    ///
    /// # Errors
    /// The name is not that of a repository.
    pub fn held_as(&self, name: &Name) -> Result<RepoKey, Error> {
        match (self.locate(name, Asked::default()), name.split_host()) {
            (Err(Error::NotAnUpstream { .. }), Some((host, rest))) => {
                let repository = Image::repository_on(&host, rest);
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
    pub async fn holdings(&self) -> Result<Holdings, Error> {
        self.0.uses.flush(&self.0.catalog).await;
        let totals = self.0.catalog.totals().await.map_err(store_failed)?;
        Ok(Holdings {
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
        self.0.uses.flush(&self.0.catalog).await;
        let listing = self.0.catalog.repositories(page, prefix).await.map_err(store_failed)?;
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

    /// Lists a repository's images.
    ///
    /// # Errors
    /// Nothing of the repository is held.
    pub async fn images(&self, key: &RepoKey, page: &Page) -> Result<ImagePage, Error> {
        self.known(key).await?;
        self.0.uses.flush(&self.0.catalog).await;
        let listing = self.0.catalog.images(key, page).await.map_err(store_failed)?;
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

    /// Removes a repository, or one image of it, with all that only it needed.
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
        let removed = self.0.catalog.remove(key, &selection).await.map_err(store_failed)?;
        self.0.memory.forget(key);
        if let Some(reference) = reference.filter(|_| removed.manifests == 0 && removed.tags == 0) {
            return Err(Error::ManifestUnknown { name: key.to_string(), reference: reference.to_string() });
        }
        let mut freed = 0;
        for (digest, size) in &removed.orphans {
            let _guard = self.0.stripes.lock(digest).await;
            // It may have come back since the catalog let it go.
            if !self.0.catalog.is_held(digest).await.map_err(store_failed)?
                && self.0.blobs.remove(digest).await.map_err(crate::store::blobs_failed)?
            {
                freed += size;
            }
        }
        Ok(Removal { manifests: removed.manifests, blobs: removed.unlinked, freed })
    }

    async fn known(&self, key: &RepoKey) -> Result<(), Error> {
        let known = self.0.catalog.repository_known(key).await.map_err(store_failed)?;
        known.then_some(()).ok_or_else(|| Error::RepositoryUnknown { name: key.to_string() })
    }
}

fn seconds(time: SystemTime) -> Option<u64> {
    time.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
}
