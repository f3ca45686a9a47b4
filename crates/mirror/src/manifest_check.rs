//! Whether a digest that is asked for as a blob is that of a manifest.

use entrepot_catalog::RepoKey;
use entrepot_oci::Digest;

use crate::{holdings::Holdings, upstream::Upstream};

/// Whether an upstream has a manifest of this digest, which it may give out as a blob too. It is asked only if no manifest
/// names the digest as a blob.
pub(crate) async fn is_manifest_at(
    upstream: &Upstream,
    holdings: &Holdings,
    key: &RepoKey,
    digest: &Digest,
) -> bool {
    holdings.stated_size(key, digest).await.is_none() && upstream.has_manifest(key, digest).await
}
