//! Blobs as objects: `<prefix>/<algorithm>/<first two hex digits>/<hex>`.
//!
//! An object appears whole or not at all, and the service makes it durable before it answers.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use entrepot_oci::Digest;
use object_store::{
    Error as StoreError, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
    aws::AmazonS3, path::Path,
};
use tokio::sync::Semaphore;

use crate::{
    error::Error,
    held::{Held, MEMORY_BYTES, Stored},
    object::ObjectBlob,
    settings::S3Settings,
};

// Parts in memory at a time, whatever number of blobs are on their way.
const PARTS_IN_FLIGHT: usize = 4;

#[derive(Clone)]
pub(crate) struct S3(Arc<Inner>);

struct Inner {
    store: AmazonS3,
    prefix: Path,
    redirect: bool,
    // Whether the service may know `If-None-Match: *`; found out by trying.
    conditional: AtomicBool,
    parts: Semaphore,
}

impl S3 {
    pub(crate) fn open(settings: &S3Settings) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            store: settings.client()?,
            prefix: Path::from(settings.prefix.as_deref().unwrap_or_default()),
            redirect: settings.redirect,
            conditional: AtomicBool::new(true),
            parts: Semaphore::new(PARTS_IN_FLIGHT),
        })))
    }

    pub(crate) fn store(&self) -> &AmazonS3 {
        &self.0.store
    }

    /// Bounds the memory of uploads: whoever holds a part in memory holds a permit.
    pub(crate) fn parts(&self) -> &Semaphore {
        &self.0.parts
    }

    /// Asks the service for the object, not for its bytes.
    pub(crate) async fn head(&self, digest: &Digest) -> Result<Option<ObjectBlob>, Error> {
        let path = self.path(digest);
        match self.0.store.head(&path).await {
            Ok(meta) => Ok(Some(ObjectBlob::new(self.0.store.clone(), path, meta.size, self.0.redirect))),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The blob, a small one with its bytes. `known` is what an earlier question found.
    pub(crate) async fn load(
        &self,
        digest: &Digest,
        known: Option<ObjectBlob>,
    ) -> Result<Option<Held>, Error> {
        let object = match known {
            Some(object) => object,
            None => match self.head(digest).await? {
                Some(object) => object,
                None => return Ok(None),
            },
        };
        if object.size() > MEMORY_BYTES {
            return Ok(Some(Held::Object(object)));
        }
        match object.read(digest).await {
            Ok(bytes) => Ok(Some(Held::Memory(bytes))),
            Err(Error::Store { source: StoreError::NotFound { .. } }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps verified bytes in one request.
    pub(crate) async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<Stored, Error> {
        if self.0.conditional.load(Ordering::Relaxed) {
            match self.create(digest, bytes.clone()).await {
                Ok(Created::Yes) => return Ok(Stored::New),
                Ok(Created::Exists) if self.holds(digest, bytes.len() as u64).await? => {
                    return Ok(Stored::AlreadyHeld);
                }
                // Another size is another content: what is there is damaged.
                Ok(Created::Exists) => {}
                Ok(Created::Unsure(error)) => return self.overwrite_instead(digest, bytes, &error).await,
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
        match self.0.store.delete(&self.path(digest)).await {
            Ok(()) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the bucket can be reached with these credentials.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        // With the delimiter this lists the algorithms, not the blobs.
        self.0.store.list_with_delimiter(Some(&self.0.prefix)).await?;
        Ok(())
    }

    pub(crate) async fn holds(&self, digest: &Digest, size: u64) -> Result<bool, Error> {
        Ok(self.head(digest).await?.is_some_and(|object| object.size() == size))
    }

    pub(crate) fn path(&self, digest: &Digest) -> Path {
        let hex = digest.hex();
        let shard = hex.get(..2).unwrap_or_default().to_owned();
        self.0.prefix.clone().join(digest.algorithm().name()).join(shard).join(hex)
    }

    async fn create(&self, digest: &Digest, bytes: Bytes) -> Result<Created, Error> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.0.store.put_opts(&self.path(digest), PutPayload::from_bytes(bytes), options).await {
            Ok(_) => Ok(Created::Yes),
            Err(StoreError::AlreadyExists { .. }) => Ok(Created::Exists),
            Err(
                error @ (StoreError::Generic { .. }
                | StoreError::NotImplemented { .. }
                | StoreError::NotSupported { .. }),
            ) => Ok(Created::Unsure(error)),
            Err(error) => Err(error.into()),
        }
    }

    // Services refuse a header that they do not know in many ways. If the same request without it works, it was that.
    async fn overwrite_instead(
        &self,
        digest: &Digest,
        bytes: Bytes,
        refusal: &StoreError,
    ) -> Result<Stored, Error> {
        let stored = self.overwrite(digest, bytes).await?;
        tracing::info!(error = %refusal, "the object store takes no conditional requests; doing without");
        self.0.conditional.store(false, Ordering::Relaxed);
        Ok(stored)
    }

    // Harmless if there is one: it is replaced by the same bytes.
    async fn overwrite(&self, digest: &Digest, bytes: Bytes) -> Result<Stored, Error> {
        self.0.store.put(&self.path(digest), PutPayload::from_bytes(bytes)).await?;
        Ok(Stored::New)
    }
}

/// What came of "only if there is none".
enum Created {
    Yes,
    Exists,
    /// The service failed, or does not know the condition.
    Unsure(StoreError),
}
