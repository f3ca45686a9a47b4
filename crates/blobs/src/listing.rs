//! A listing of all stored blobs, page by page.

use std::{path::Path, time::SystemTime};

use entrepot_oci::Digest;

/// A blob in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// Its digest, by the name under which it is stored.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// When it was stored.
    pub modified: SystemTime,
}

/// One page of stored blobs, in order of their digests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlobPage {
    /// The blobs.
    pub blobs: Vec<StoredBlob>,
    /// More follow the last one. Never set on an empty page.
    pub more: bool,
}

/// The digest of what is stored at `…/<algorithm>/<first two digits>/<digits>`; `None` if that is something else.
pub(crate) fn named(path: &Path) -> Option<Digest> {
    let mut parts = path.iter().rev().map(|part| part.to_str().unwrap_or_default());
    let (digits, shard, algorithm) = (parts.next()?, parts.next()?, parts.next()?);
    let digest = format!("{algorithm}:{digits}").parse().ok()?;
    (digits.get(..2) == Some(shard)).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blobs_are_listed() {
        let digest = Digest::of(b"a");
        let (hex, name) = (digest.hex(), |path: String| named(Path::new(&path)));
        assert_eq!(name(format!("held/sha256/{}/{hex}", &hex[..2])), Some(digest));
        for other in
            [format!("held/sha256/00/{hex}"), format!("sha256/{hex}"), "a/b/c".to_owned(), String::new()]
        {
            assert_eq!(name(other), None);
        }
    }
}
