//! Hashes stored bytes again.

use std::{sync::Arc, time::SystemTime};

use entrepot_blobs::{Pace, RehashOutcome};
use entrepot_catalog::{Listing, Origin, RepoKey, Upkeep, UpkeepRecord};
use entrepot_oci::Digest;

use super::Holdings;
use crate::error::Error;

/// How many digests are taken at a time.
const PART: usize = 500;
/// The most repositories of a digest that are looked for.
const HOLDERS: usize = 1000;

/// Who has a digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holders {
    /// Repositories that have it as a blob.
    pub(crate) blobs: Vec<RepoKey>,
    /// Repositories that have it as a manifest.
    pub(crate) manifests: Vec<RepoKey>,
}

impl Holders {
    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &RepoKey> {
        self.blobs.iter().chain(&self.manifests)
    }

    /// Whether it was pushed here.
    pub(crate) fn are_hosted(&self) -> bool {
        self.all().any(|key| key.origin == Origin::Hosted)
    }
}

impl Holdings {
    /// A part of all recorded digests, after one.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn recorded(&self, after: Option<&Digest>) -> Result<Listing<(Digest, u64)>, Error> {
        self.ask_catalog(self.catalog.recorded(after, PART)).await
    }

    /// Hashes the stored bytes of a digest. Damaged ones are set aside, and count as missing from then on.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn rehash(
        self: &Arc<Self>,
        digest: &Digest,
        pace: &mut Pace,
    ) -> Result<RehashOutcome, Error> {
        // Not watched by the breaker: a large blob takes its time.
        let (found, paced) = self.look_at(self.blobs.rehash(digest, *pace).await)?;
        *pace = paced;
        match found {
            RehashOutcome::Fine => Ok(found),
            RehashOutcome::Damaged => self.quarantine(digest).await,
            RehashOutcome::Absent => self.missing(digest).await,
        }
    }

    /// Looks again under the digest's lock: whoever pushed it meanwhile has replaced it by what is right.
    async fn quarantine(self: &Arc<Self>, digest: &Digest) -> Result<RehashOutcome, Error> {
        let (this, digest) = (Arc::clone(self), *digest);
        self.to_its_end(async move {
            let _guard = this.locks.lock(&digest).await;
            let was_damaged = this.change_blobs(this.blobs.quarantine(&digest)).await?;
            Ok(if was_damaged { RehashOutcome::Damaged } else { RehashOutcome::Fine })
        })
        .await
    }

    /// What has no bytes may have been removed meanwhile, or be about to be stored.
    async fn missing(self: &Arc<Self>, digest: &Digest) -> Result<RehashOutcome, Error> {
        let found = self.examine(digest, false).await?;
        Ok(if found.is_some() { RehashOutcome::Absent } else { RehashOutcome::Fine })
    }

    /// The repositories that have a digest.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn holders(&self, digest: &Digest) -> Result<Holders, Error> {
        Ok(Holders {
            blobs: self.ask_catalog(self.catalog.blob_holders(digest, HOLDERS)).await?,
            manifests: self.ask_catalog(self.catalog.manifest_holders(digest, HOLDERS)).await?,
        })
    }

    /// Forgets what is remembered of a digest, after its bytes turned out to be gone.
    pub(crate) fn forget_bytes(&self, digest: &Digest, holders: &Holders) {
        self.blobs.forget(digest);
        for key in &holders.blobs {
            self.memory.links.remove(&(key.clone(), *digest));
        }
        for key in &holders.manifests {
            self.memory.manifests.remove(&(key.clone(), *digest));
        }
    }

    /// How far the last scrub is.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn scrub_record(&self) -> Result<UpkeepRecord, Error> {
        self.ask_catalog(self.catalog.upkeep(Upkeep::Scrub)).await
    }

    /// Records how far a scrub is; `None` that it has ended.
    ///
    /// # Errors
    /// The catalog failed.
    pub(crate) async fn record_scrub(
        self: &Arc<Self>,
        until: Option<&Digest>,
        now: SystemTime,
    ) -> Result<(), Error> {
        match until {
            Some(digest) => self.ask_catalog(self.catalog.upkeep_reached(Upkeep::Scrub, digest)).await,
            None => self.ask_catalog(self.catalog.upkeep_ended(Upkeep::Scrub, now)).await,
        }
    }
}
