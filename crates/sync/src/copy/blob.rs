//! A blob as described by a manifest.

use entrepot_oci::Digest;

/// A blob, by digest and size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Blob {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}
