//! A blob in S3 that has not been read yet.

use std::{ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use entrepot_oci::Digest;
use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    GetOptions, GetRange, ObjectStore as _,
    aws::AmazonS3,
    path::Path,
    signer::{Method, Signer as _},
};
use url::Url;

use crate::{error::Error, verify::verified};

const LINK_VALID: Duration = Duration::from_secs(15 * 60);

/// A blob stored as an S3 object. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ObjectBlob(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: AmazonS3,
    path: Path,
    size: u64,
    redirect: bool,
}

impl ObjectBlob {
    pub(crate) fn new(store: AmazonS3, path: Path, size: u64, redirect: bool) -> Self {
        Self(Arc::new(Inner { store, path, size, redirect }))
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// The bytes of `range`, truncated to the blob's size. No request is sent before the stream is polled; a broken
    /// connection is resumed.
    pub fn stream(&self, range: Range<u64>) -> BoxStream<'static, Result<Bytes, Error>> {
        let range = range.start..range.end.min(self.0.size);
        if range.is_empty() {
            return futures_util::stream::empty().boxed();
        }
        let inner = Arc::clone(&self.0);
        async move {
            let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
            inner.store.get_opts(&inner.path, options).await
        }
        .map_ok(object_store::GetResult::into_stream)
        .into_stream()
        .try_flatten()
        .map_err(Error::from)
        .boxed()
    }

    /// A link that is valid for 15 minutes and supports `Range`; `None` if clients are not to be redirected. Signing
    /// sends no request.
    pub async fn link(&self) -> Result<Option<Url>, Error> {
        if !self.0.redirect {
            return Ok(None);
        }
        Ok(Some(self.0.store.signed_url(Method::GET, &self.0.path, LINK_VALID).await?))
    }

    /// All bytes, verified. The caller has checked the size.
    pub(crate) async fn read(&self, digest: &Digest) -> Result<Bytes, Error> {
        let chunks: Vec<Bytes> = self.stream(0..self.0.size).try_collect().await?;
        verified(digest, chunks.concat().into())
    }
}
