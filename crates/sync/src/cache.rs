//! Cache of results from earlier runs.

use entrepot_oci::Digest;
use futures_util::future::BoxFuture;

use crate::job::Shape;

/// Results of earlier runs. Losing any of them costs requests, never correctness.
pub trait SyncCache: Send + Sync {
    /// The digest of the image `source` after its conversion to `shape`, if known.
    fn converted<'a>(&'a self, source: &'a Digest, shape: &'a Shape) -> BoxFuture<'a, Option<Digest>>;

    /// Records the digest of such a conversion.
    fn remember<'a>(
        &'a self,
        source: &'a Digest,
        shape: &'a Shape,
        converted: &'a Digest,
    ) -> BoxFuture<'a, ()>;

    /// True if the immutable `tag` (a full reference at a target) was found to be equal to its source.
    fn verified<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, bool>;

    /// Records that it was.
    fn verify<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, ()>;
}
