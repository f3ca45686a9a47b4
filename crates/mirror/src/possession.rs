//! Proof that an upstream has a blob whose bytes we hold for somebody else.
//!
//! A registry's word is enough for its own content: if one of its repositories gave us the bytes, a `HEAD` tells whether
//! another one has them too. A different registry could say yes to everything, and would be given what only our account may
//! read. So it has to show the bytes: a small blob whole, and of a large one a part chosen at random.

use std::{
    hash::{BuildHasher, RandomState},
    ops::Range,
};

use bytes::Bytes;
use entrepot_blobs::HeldBlob;
use entrepot_catalog::RepoKey;
use entrepot_oci::Digest;
use entrepot_remote::{BlobRequest, BlobStream, Error as RemoteError};
use futures_util::StreamExt as _;

use crate::{
    error::Error,
    manifest_check::is_manifest_at,
    mirror::Mirror,
    store::{blobs_failed, store_failed},
    upstream::Upstream,
};

/// The number of bytes compared. A blob that is not larger is compared whole.
const SHOWN: u64 = 64 << 10;

impl Mirror {
    /// Makes sure that an upstream's repository has the bytes that we hold for another one.
    ///
    /// # Errors
    /// It does not have them, or shows others, or does not answer.
    pub(crate) async fn prove(
        &self,
        upstream: &Upstream,
        key: &RepoKey,
        digest: &Digest,
        held: &HeldBlob,
    ) -> Result<(), Error> {
        if is_manifest_at(upstream, &self.0.holdings, key, digest).await {
            return Err(Error::BlobUnknown { name: key.to_string(), digest: *digest });
        }
        // If the catalog cannot say, the bytes have to be shown.
        if self.0.holdings.came_from(upstream.host(), digest).await.unwrap_or_default() {
            return upstream.find_blob(key, digest).await.map(drop);
        }
        let wanted = part(held.size(), RandomState::new().hash_one(digest));
        let whole = wanted == (0..held.size());
        let ask = BlobRequest { from: wanted.start, to: Some(wanted.end).filter(|_| !whole), avoid: None };
        let refused = |error| upstream.blob_refused(key, digest, error);
        let shown = upstream.open_blob(key, digest, ask).await.map_err(refused)?;
        let endpoint = shown.endpoint;
        match compare(shown, held, wanted).await? {
            ProofOutcome::Same => Ok(()),
            ProofOutcome::Nothing(error) => Err(refused(error)),
            ProofOutcome::Other => {
                upstream.distrust(endpoint);
                Err(upstream.invalid("it shows other bytes than the digest has"))
            }
        }
    }
}

/// The outcome of comparing a registry's bytes with ours.
enum ProofOutcome {
    Same,
    Other,
    /// The connection broke, or it took too long.
    Nothing(RemoteError),
}

// Compares up to the end of `wanted`; a registry without ranges is compared from the start.
async fn compare(mut shown: BlobStream, held: &HeldBlob, wanted: Range<u64>) -> Result<ProofOutcome, Error> {
    if shown.total.is_some_and(|total| total != held.size()) {
        return Ok(ProofOutcome::Other);
    }
    let mut at = shown.start;
    while at < wanted.end {
        let bytes = match shown.chunks.next().await {
            Some(Ok(bytes)) => bytes,
            Some(Err(error)) => return Ok(ProofOutcome::Nothing(error)),
            None => return Ok(ProofOutcome::Other),
        };
        // No longer than the piece itself.
        let counted = bytes.slice(..(wanted.end - at).min(bytes.len() as u64) as usize);
        let until = at + counted.len() as u64;
        if held_bytes(held, at..until).await? != counted {
            return Ok(ProofOutcome::Other);
        }
        at = until;
    }
    Ok(ProofOutcome::Same)
}

async fn held_bytes(held: &HeldBlob, range: Range<u64>) -> Result<Bytes, Error> {
    // What lies in memory is no longer than memory.
    let within = range.start as usize..range.end as usize;
    match held {
        HeldBlob::Memory(bytes) => Ok(bytes.slice(within)),
        HeldBlob::Mapped(mapping) => {
            let (ready, bytes) = (mapping.clone(), mapping.bytes().slice(within));
            let looked = tokio::task::spawn_blocking(move || ready.ready(range)).await;
            looked.map_err(store_failed)?.map_err(blobs_failed)?;
            Ok(bytes)
        }
        HeldBlob::Object(object) => {
            let mut all = Vec::with_capacity(within.len());
            let mut pieces = object.stream(range).await.map_err(blobs_failed)?;
            while let Some(piece) = pieces.next().await {
                all.extend_from_slice(&piece.map_err(blobs_failed)?);
            }
            Ok(all.into())
        }
    }
}

/// The range to be shown; `chance` selects where it begins.
fn part(size: u64, chance: u64) -> Range<u64> {
    let start = match size.saturating_sub(SHOWN) {
        0 => 0,
        room => chance % (room + 1),
    };
    start..size.min(start + SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    // A20
    #[test]
    fn parts_lie_within_and_anywhere() {
        assert_eq!((part(0, 7), part(5, 7), part(SHOWN, 7)), (0..0, 0..5, 0..SHOWN));
        let size = SHOWN + 2;
        let starts: Vec<_> = (0..4).map(|chance| part(size, chance).start).collect();
        assert_eq!(starts, [0, 1, 2, 0]);
        for chance in [0, u64::MAX / 3, u64::MAX] {
            let part = part(10 << 30, chance);
            assert!(part.end <= 10 << 30 && part.end - part.start == SHOWN);
        }
    }
}
