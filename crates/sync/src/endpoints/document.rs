//! A manifest to be written to a layout or an archive.

use bytes::Bytes;
use entrepot_oci::{Digest, MediaType};

/// A manifest whose bytes match its digest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ManifestDocument<'a> {
    pub(crate) media_type: &'a MediaType,
    pub(crate) digest: &'a Digest,
    pub(crate) bytes: &'a Bytes,
}
