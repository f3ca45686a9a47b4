//! Bytes against their digest.

use bytes::Bytes;
use entrepot_oci::Digest;

use crate::error::Error;

/// The bytes, if they are still what the digest names.
pub(crate) fn verified(digest: &Digest, bytes: Bytes) -> Result<Bytes, Error> {
    if digest.matches(&bytes) { Ok(bytes) } else { Err(Error::Damaged { digest: *digest }) }
}
