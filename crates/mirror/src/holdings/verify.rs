//! Bytes against records: finds where they disagree, and repairs it.

use std::{sync::Arc, time::Duration};

use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::Digest;

use super::Holdings;
use crate::{
    error::Error,
    findings::{DigestBatch, Discrepancy, Finding, Verification},
};

/// How many digests are compared at a time: the keys that S3 lists with one request.
const PART: usize = 1000;
/// The most repositories of a digest that are repaired at a time. What is left is found again.
const HOLDERS: usize = 1000;

/// How to verify.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// Repair what can be repaired.
    pub repair: bool,
    /// How long bytes without a record are left alone, since somebody else may be about to record them. Zero for the
    /// server of this database: it knows what it is about to record.
    pub patience: Duration,
}

impl Holdings {
    /// Compares bytes and records, of about [`PART`] digests after one. What seems to disagree is looked at once more under
    /// the digest's lock.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn verify(
        self: &Arc<Self>,
        after: Option<&Digest>,
        check: Check,
    ) -> Result<Verification, Error> {
        let recorded = self.ask_catalog(self.catalog.recorded(after, PART)).await?;
        let stored = self.ask_blobs(self.blobs.list(after, PART)).await?;
        let part = DigestBatch::of(recorded, stored);
        let until = self.clock.now().checked_sub(check.patience).unwrap_or(std::time::UNIX_EPOCH);
        let mut findings = Vec::new();
        for digest in part.suspects(until) {
            findings.extend(self.examine(&digest, check.repair).await?);
        }
        let (records, stored) = (part.recorded.len() as u64, part.stored.len() as u64);
        Ok(Verification { records, stored, findings, last: part.last })
    }

    /// Looks at one digest, and repairs it.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn examine(
        self: &Arc<Self>,
        digest: &Digest,
        repair: bool,
    ) -> Result<Option<Finding>, Error> {
        let (this, digest) = (Arc::clone(self), *digest);
        self.to_its_end(async move {
            let _guard = this.locks.lock(&digest).await;
            let stored = this.ask_blobs(this.blobs.look(&digest)).await?;
            let recorded = this.ask_catalog(this.catalog.is_held(&digest)).await?;
            if stored.is_none() {
                this.check_loss().await?;
            }
            match stored {
                None if recorded => this.bytes_are_missing(digest, repair).await.map(Some),
                Some(size) if !recorded => {
                    let repaired = repair && this.change_blobs(this.blobs.remove(&digest)).await?;
                    let (fault, repositories) = (Discrepancy::MissingRecord, Vec::new());
                    Ok(Some(Finding { digest, size, discrepancy: fault, repositories, repaired }))
                }
                _ => Ok(None),
            }
        })
        .await
    }

    // The caller holds the digest's lock.
    async fn bytes_are_missing(&self, digest: Digest, repair: bool) -> Result<Finding, Error> {
        let blobs = self.ask_catalog(self.catalog.blob_holders(&digest, HOLDERS)).await?;
        let manifests = self.ask_catalog(self.catalog.manifest_holders(&digest, HOLDERS)).await?;
        let mut size = 0;
        for key in &blobs {
            size = size.max(self.ask_catalog(self.catalog.blob(key, &digest)).await?.unwrap_or(0));
        }
        for key in &manifests {
            let record = self.ask_catalog(self.catalog.manifest(key, &digest)).await?;
            size = size.max(record.map_or(0, |record| record.size));
        }
        if repair {
            for key in blobs.iter().filter(is_mirrored) {
                self.ask_catalog(self.catalog.unlink_blob(key, &digest)).await?;
                self.memory.links.remove(&(key.clone(), digest));
            }
            for key in manifests.iter().filter(is_mirrored) {
                self.ask_catalog(self.catalog.remove_manifest(key, &digest)).await?;
                self.memory.forget_manifest(key, &digest);
            }
        }
        let repaired = repair && blobs.iter().chain(&manifests).all(|key| is_mirrored(&key));
        let mut repositories: Vec<_> = blobs.iter().chain(&manifests).map(RepoKey::to_string).collect();
        repositories.sort_unstable();
        repositories.dedup();
        Ok(Finding { digest, size, discrepancy: Discrepancy::MissingBytes, repositories, repaired })
    }
}

fn is_mirrored(key: &&RepoKey) -> bool {
    key.origin != Origin::Hosted
}
