//! What runs find out and would otherwise ask again.

use entrepot_oci::Digest;
use futures_util::future::BoxFuture;

use crate::job::Shape;

/// What runs found out. Losing any of it costs requests, never correctness.
pub trait SyncCache: Send + Sync {
    /// The digest of the image `source` after its conversion to `shape`, if it is known.
    fn converted<'a>(&'a self, source: &'a Digest, shape: &'a Shape) -> BoxFuture<'a, Option<Digest>>;

    /// Records the digest of such a conversion.
    fn remember<'a>(
        &'a self,
        source: &'a Digest,
        shape: &'a Shape,
        converted: &'a Digest,
    ) -> BoxFuture<'a, ()>;

    /// Whether `tag` (a whole reference at a target), which never changes, was seen to be equal to its source.
    fn verified<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, bool>;

    /// Records that it was.
    fn verify<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, ()>;
}
