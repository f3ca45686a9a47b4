//! A blob in S3 that has not been read yet.

use std::{ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use entrepot_oci::Digest;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    Error as StoreError, GetOptions, GetRange, ObjectStore as _, ObjectStoreExt as _,
    aws::AmazonS3,
    path::Path,
    signer::{Method, Signer as _},
};
use url::Url;

use crate::{error::Error, verify::verified};

const LINK_VALID: Duration = Duration::from_secs(15 * 60);

/// A blob stored as an S3 object. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ObjectBlob(Arc<ObjectLocation>);

#[derive(Debug)]
struct ObjectLocation {
    store: AmazonS3,
    path: Path,
    size: u64,
    redirect: bool,
}

impl ObjectBlob {
    pub(crate) fn new(store: AmazonS3, path: Path, size: u64, redirect: bool) -> Self {
        Self(Arc::new(ObjectLocation { store, path, size, redirect }))
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// The bytes of `range`, truncated to the blob's size, once the service has begun to send them. A connection that
    /// breaks later is resumed.
    ///
    /// [`Error::Gone`]; [`Error::Store`] if the service refuses or fails.
    pub async fn stream(&self, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        let range = range.start..range.end.min(self.0.size);
        if range.is_empty() {
            return Ok(futures_util::stream::empty().boxed());
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let answer = self.0.store.get_opts(&self.0.path, options).await.map_err(gone)?;
        self.check_size(answer.meta.size)?;
        Ok(answer.into_stream().map_err(Error::from).boxed())
    }

    /// A link that is valid for 15 minutes and supports `Range`; `None` if clients are not to be redirected. The service is
    /// asked whether the object is still there: a client could do nothing about it.
    ///
    /// [`Error::Gone`]; [`Error::Store`] if the service refuses or fails.
    pub async fn link(&self) -> Result<Option<Url>, Error> {
        if !self.0.redirect {
            return Ok(None);
        }
        self.check_size(self.0.store.head(&self.0.path).await.map_err(gone)?.size)?;
        Ok(Some(self.0.store.signed_url(Method::GET, &self.0.path, LINK_VALID).await?))
    }

    /// All bytes, verified. The caller has checked the size.
    pub(crate) async fn read(&self, digest: &Digest) -> Result<Bytes, Error> {
        let chunks: Vec<Bytes> = self.stream(0..self.0.size).await?.try_collect().await?;
        verified(digest, chunks.concat().into())
    }

    fn check_size(&self, size: u64) -> Result<(), Error> {
        if size == self.0.size { Ok(()) } else { Err(Error::Gone) }
    }
}

fn gone(error: StoreError) -> Error {
    match error {
        StoreError::NotFound { .. } => Error::Gone,
        other => other.into(),
    }
}
