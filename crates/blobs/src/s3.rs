//! Blobs as objects: `<prefix>/<algorithm>/<first two hex digits>/<hex>`.
//!
//! An object appears whole or not at all, and the service makes it durable before it answers.

use std::{
    future::ready,
    path::Path as FilePath,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use entrepot_oci::{Algorithm, Digest, Hasher};
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::{
    Error as StoreError, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
    aws::AmazonS3,
    list::{PaginatedListOptions, PaginatedListStore as _},
    path::Path,
};
use tokio::sync::Semaphore;

use crate::{
    error::Error,
    held::{HeldBlob, MEMORY_BYTES, RehashOutcome, StoreOutcome},
    listing::{self, BlobPage, StoredBlob},
    object::ObjectBlob,
    pace::Pace,
    settings::{Patience, S3Settings},
    upload_notes::UploadNotes,
};

// Number of parts in memory at a time, for all blobs together.
const PARTS_IN_FLIGHT: usize = 4;

#[derive(Clone)]
pub(crate) struct S3(Arc<S3Inner>);

struct S3Inner {
    reader: AmazonS3,
    writer: AmazonS3,
    notes: UploadNotes,
    prefix: Path,
    redirect: bool,
    // False once the service turned out not to support `If-None-Match: *`.
    conditional: AtomicBool,
    parts: Semaphore,
}

impl S3 {
    /// Notes about uploads in parts are kept in the directory `staging`.
    pub(crate) fn open(settings: &S3Settings, staging: &FilePath) -> Result<Self, Error> {
        Ok(Self(Arc::new(S3Inner {
            reader: settings.client(Patience::READING)?,
            writer: settings.client(Patience::WRITING)?,
            notes: UploadNotes::open(staging.to_path_buf())?,
            prefix: Path::from(settings.prefix.as_deref().unwrap_or_default()),
            redirect: settings.redirect,
            conditional: AtomicBool::new(true),
            parts: Semaphore::new(PARTS_IN_FLIGHT),
        })))
    }

    /// The client for writing.
    pub(crate) fn writer(&self) -> &AmazonS3 {
        &self.0.writer
    }

    pub(crate) fn notes(&self) -> &UploadNotes {
        &self.0.notes
    }

    /// Bounds the memory of uploads: a part in memory holds a permit.
    pub(crate) fn parts(&self) -> &Semaphore {
        &self.0.parts
    }

    /// Requests the object's metadata, not its bytes.
    pub(crate) async fn head(&self, digest: &Digest) -> Result<Option<ObjectBlob>, Error> {
        let path = self.path(digest);
        match self.0.reader.head(&path).await {
            Ok(meta) => Ok(Some(ObjectBlob::new(self.0.reader.clone(), path, meta.size, self.0.redirect))),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The blob that `object` is; a small one with its bytes.
    pub(crate) async fn load(&self, digest: &Digest, object: ObjectBlob) -> Result<Option<HeldBlob>, Error> {
        if object.size() > MEMORY_BYTES {
            return Ok(Some(HeldBlob::Object(object)));
        }
        match object.read(digest).await {
            Ok(bytes) => Ok(Some(HeldBlob::Memory(bytes))),
            Err(Error::Gone) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores verified bytes with one request.
    pub(crate) async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<StoreOutcome, Error> {
        if self.0.conditional.load(Ordering::Relaxed) {
            match self.create(digest, bytes.clone()).await {
                Ok(CreateOutcome::Yes) => return Ok(StoreOutcome::New),
                Ok(CreateOutcome::Exists) if self.holds(digest, bytes.len() as u64).await? => {
                    return Ok(StoreOutcome::AlreadyHeld);
                }
                // A different size means different content: the existing object is damaged.
                Ok(CreateOutcome::Exists) => {}
                Ok(CreateOutcome::Unsure(error)) => {
                    return self.overwrite_instead(digest, bytes, &error).await;
                }
                Err(error) => return Err(error),
            }
        }
        self.overwrite(digest, bytes).await
    }

    /// Whether there was one. The service does not say, so it is asked before.
    pub(crate) async fn remove(&self, digest: &Digest) -> Result<bool, Error> {
        if self.head(digest).await?.is_none() {
            return Ok(false);
        }
        match self.0.writer.delete(&self.path(digest)).await {
            Ok(()) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads an object at a pace and hashes it.
    pub(crate) async fn rehash(&self, digest: &Digest, pace: &mut Pace) -> Result<RehashOutcome, Error> {
        let Some(object) = self.head(digest).await? else { return Ok(RehashOutcome::Absent) };
        let mut hasher = Hasher::new(digest.algorithm());
        let mut pieces = match object.stream(0..object.size()).await {
            Ok(pieces) => pieces,
            // It was removed or replaced a moment ago.
            Err(Error::Gone) => return Ok(RehashOutcome::Absent),
            Err(error) => return Err(error),
        };
        while let Some(piece) = pieces.try_next().await? {
            hasher.update(&piece);
            tokio::time::sleep(pace.after(piece.len() as u64)).await;
        }
        Ok(if hasher.finish() == *digest { RehashOutcome::Fine } else { RehashOutcome::Damaged })
    }

    /// Hashes an object once more, and puts it aside if it is damaged. Returns whether it was.
    pub(crate) async fn quarantine(&self, digest: &Digest) -> Result<bool, Error> {
        if self.rehash(digest, &mut Pace::new(u64::MAX)).await? != RehashOutcome::Damaged {
            return Ok(false);
        }
        let (from, name) = (self.path(digest), format!("{}-{}", digest.algorithm().name(), digest.hex()));
        let to = self.0.prefix.clone().join("damaged").join(name);
        // A copy is for whoever wants to look into it. Services copy at most 5 GB, and some copy nothing.
        let copied = self.0.writer.copy(&from, &to).await;
        self.0.writer.delete(&from).await?;
        tracing::error!(%digest, copy = copied.is_ok(), object = %to, "a blob is damaged and was set aside");
        Ok(true)
    }

    /// The blobs after a digest, at most `limit`. The service lists keys in their order, which is that of digests.
    pub(crate) async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<BlobPage, Error> {
        let mut page = BlobPage::default();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            if after.is_some_and(|after| after.algorithm() > algorithm) {
                continue;
            }
            let prefix = self.0.prefix.clone().join(algorithm.name());
            let objects = match after.filter(|after| after.algorithm() == algorithm) {
                Some(after) => self.0.reader.list_with_offset(Some(&prefix), &self.path(after)),
                None => self.0.reader.list(Some(&prefix)),
            };
            let wanted = limit + 1 - page.blobs.len();
            let blobs = objects.try_filter_map(|meta| ready(Ok(stored(&meta)))).take(wanted);
            page.blobs.extend(blobs.try_collect::<Vec<_>>().await?);
            if page.blobs.len() > limit {
                page.blobs.truncate(limit);
                page.more = true;
                break;
            }
        }
        Ok(page)
    }

    /// Checks that the bucket can be reached with these credentials.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        let one = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        match self.0.reader.list_paginated(Some(self.0.prefix.as_ref()), one).await.map_err(Error::from) {
            // Volcengine TOS says so of a prefix that nothing has yet.
            Err(error) if error.says("NoSuchKey") => Ok(()),
            listed => listed.map(drop),
        }
    }

    pub(crate) async fn holds(&self, digest: &Digest, size: u64) -> Result<bool, Error> {
        Ok(self.head(digest).await?.is_some_and(|object| object.size() == size))
    }

    pub(crate) fn path(&self, digest: &Digest) -> Path {
        let hex = digest.hex();
        let shard = hex.get(..2).unwrap_or_default().to_owned();
        self.0.prefix.clone().join(digest.algorithm().name()).join(shard).join(hex)
    }

    async fn create(&self, digest: &Digest, bytes: Bytes) -> Result<CreateOutcome, Error> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.0.writer.put_opts(&self.path(digest), PutPayload::from_bytes(bytes), options).await {
            Ok(_) => Ok(CreateOutcome::Yes),
            Err(StoreError::AlreadyExists { .. }) => Ok(CreateOutcome::Exists),
            Err(
                error @ (StoreError::Generic { .. }
                | StoreError::NotImplemented { .. }
                | StoreError::NotSupported { .. }),
            ) => Ok(CreateOutcome::Unsure(error)),
            Err(error) => Err(error.into()),
        }
    }

    // A reply may have been lost. Services refuse an unsupported header in many ways: if the same request works without it,
    // and once more does not work with it, that is the reason.
    async fn overwrite_instead(
        &self,
        digest: &Digest,
        bytes: Bytes,
        refusal: &StoreError,
    ) -> Result<StoreOutcome, Error> {
        if self.holds(digest, bytes.len() as u64).await? {
            return Ok(StoreOutcome::New);
        }
        let stored = self.overwrite(digest, bytes.clone()).await?;
        if let Ok(CreateOutcome::Unsure(_)) = self.create(digest, bytes).await {
            tracing::info!(error = %refusal, "the object store does not support conditional requests; continuing without them");
            self.0.conditional.store(false, Ordering::Relaxed);
        }
        Ok(stored)
    }

    // Harmless if the object exists: it is replaced by the same bytes.
    async fn overwrite(&self, digest: &Digest, bytes: Bytes) -> Result<StoreOutcome, Error> {
        self.0.writer.put(&self.path(digest), PutPayload::from_bytes(bytes)).await?;
        Ok(StoreOutcome::New)
    }
}

fn stored(meta: &ObjectMeta) -> Option<StoredBlob> {
    let digest = listing::named(meta.location.as_ref().as_ref())?;
    Some(StoredBlob { digest, size: meta.size, modified: meta.last_modified.into() })
}

/// The result of a conditional create.
enum CreateOutcome {
    Yes,
    Exists,
    /// The service failed, or does not support the condition.
    Unsure(StoreError),
}
