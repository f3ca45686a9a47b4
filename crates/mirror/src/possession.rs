//! Whether an upstream has what we hold for somebody else.
//!
//! A registry's own word is good for its own content: if it gave us the bytes for one of its repositories, a `HEAD` tells
//! whether another of them has them too. Another registry could say yes to everything, and be given what only our account
//! may read. It has to show the bytes: all of a small blob, a part that chance has chosen of a large one.

use std::{
    hash::{BuildHasher, RandomState},
    ops::Range,
};

use bytes::Bytes;
use entrepot_blobs::Held;
use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::{Digest, Host};
use entrepot_remote::{BlobRequest, BlobStream, Error as RemoteError};
use futures_util::StreamExt as _;

use crate::{
    Error, Mirror, UpstreamFault,
    store::{blobs_failed, store_failed},
    upstream::blob_refused,
};

/// How much of a blob is compared. A blob that has no more is compared whole.
const SHOWN: u64 = 64 << 10;
/// How many of those who have a blob are looked through for one of the same registry.
const HOLDERS: usize = 100;

impl Mirror {
    /// Makes sure that a repository has the bytes that we hold for another one.
    ///
    /// # Errors
    /// It does not, or shows others, or cannot be asked.
    pub(crate) async fn prove(
        &self,
        host: &Host,
        key: &RepoKey,
        digest: &Digest,
        held: &Held,
    ) -> Result<(), Error> {
        let holders = self.0.catalog.blob_holders(digest, HOLDERS).await.map_err(store_failed)?;
        let origin = Origin::Upstream(host.clone());
        if holders.iter().any(|holder| holder.origin == origin) {
            return self.upstream_has(host, key, digest).await.map(drop);
        }
        let source = self.source(host)?;
        let wanted = part(held.size(), RandomState::new().hash_one(digest));
        let whole = wanted == (0..held.size());
        let ask = BlobRequest { from: wanted.start, to: Some(wanted.end).filter(|_| !whole), avoid: None };
        let refused = |error| blob_refused(host, key, digest, error);
        let shown = source.remote.blob(&key.repository, digest, ask).await.map_err(refused)?;
        let endpoint = shown.endpoint;
        match agrees(shown, held, wanted).await? {
            Shown::Same => Ok(()),
            Shown::Nothing(error) => Err(refused(error)),
            Shown::Other => {
                source.remote.distrust(endpoint);
                let fault = UpstreamFault::Invalid("it shows other bytes than the digest has".to_owned());
                Err(Error::Upstream { host: host.clone(), fault })
            }
        }
    }
}

/// What a registry shows of a blob.
enum Shown {
    Same,
    Other,
    /// The connection broke, or it took too long.
    Nothing(RemoteError),
}

// Whether what comes is what we hold, up to the end of `wanted`; a registry that does not do parts is heard from the start.
async fn agrees(mut shown: BlobStream, held: &Held, wanted: Range<u64>) -> Result<Shown, Error> {
    if shown.total.is_some_and(|total| total != held.size()) {
        return Ok(Shown::Other);
    }
    let mut at = shown.start;
    while at < wanted.end {
        let bytes = match shown.chunks.next().await {
            Some(Ok(bytes)) => bytes,
            Some(Err(error)) => return Ok(Shown::Nothing(error)),
            None => return Ok(Shown::Other),
        };
        // No longer than the piece itself.
        let counted = bytes.slice(..(wanted.end - at).min(bytes.len() as u64) as usize);
        let until = at + counted.len() as u64;
        if ours(held, at..until).await? != counted {
            return Ok(Shown::Other);
        }
        at = until;
    }
    Ok(Shown::Same)
}

async fn ours(held: &Held, range: Range<u64>) -> Result<Bytes, Error> {
    // What lies in memory is no longer than memory.
    let within = range.start as usize..range.end as usize;
    match held {
        Held::Memory(bytes) => Ok(bytes.slice(within)),
        Held::Mapped(mapping) => {
            let (ready, bytes) = (mapping.clone(), mapping.bytes().slice(within));
            let looked = tokio::task::spawn_blocking(move || ready.ready(range)).await;
            looked.map_err(store_failed)?.map_err(blobs_failed)?;
            Ok(bytes)
        }
        Held::Object(object) => {
            let mut all = Vec::with_capacity(within.len());
            let mut pieces = object.stream(range);
            while let Some(piece) = pieces.next().await {
                all.extend_from_slice(&piece.map_err(blobs_failed)?);
            }
            Ok(all.into())
        }
    }
}

/// The part to be shown, where `chance` has it.
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
