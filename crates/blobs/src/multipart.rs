//! Uploads a staged file to S3 in parts, to bound memory.

use bytes::Bytes;
use entrepot_oci::Digest;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{
    Error as StoreError, MultipartId, PutPayload,
    multipart::{MultipartStore as _, PartId},
    path::Path,
};

use crate::{
    error::Error,
    files,
    held::StoreOutcome,
    s3::S3,
    staged::{Claim, Staged},
};

/// Objects of at most this many bytes are sent in one request, larger ones in parts of this size.
pub(crate) const PART_BYTES: u64 = 8 << 20;

// A limit of S3.
const MAX_PARTS: u64 = 10_000;
const PARALLEL: usize = 3;

impl S3 {
    /// Makes a staged file the blob.
    pub(crate) async fn commit(&self, claim: Claim, digest: &Digest) -> Result<StoreOutcome, Error> {
        let size = claim.staged().len()?;
        let stored = if self.holds(digest, size).await? {
            StoreOutcome::AlreadyHeld
        } else {
            send(self, claim.staged(), digest, size).await?
        };
        files::blocking(move || {
            claim.done();
            Ok(stored)
        })
        .await
    }

    /// Aborts what an earlier process left unfinished, and what could not be aborted since.
    pub(crate) async fn abort_unfinished(&self) {
        for note in self.notes().take_left() {
            if self.abort(&note.object, &note.id).await {
                self.notes().end(note).await;
            } else {
                self.notes().leave(note);
            }
        }
    }

    // Parts that are not aborted cost money until a lifecycle rule removes them. Returns whether none are left.
    async fn abort(&self, path: &Path, id: &MultipartId) -> bool {
        match self.writer().abort_multipart(path, id).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => true,
            Err(error) => {
                tracing::warn!(%path, %error, "cannot abort a multipart upload; it will be tried again");
                false
            }
        }
    }
}

// Sends all of the file. Nothing appears in the bucket unless all of it arrived.
async fn send(s3: &S3, staged: &Staged, digest: &Digest, size: u64) -> Result<StoreOutcome, Error> {
    if size <= PART_BYTES {
        let _permit = s3.parts().acquire().await.map_err(|_closed| Error::Stopped)?;
        return s3.put(digest, chunk(staged, 0, size).await?).await;
    }
    let path = s3.path(digest);
    let id = s3.writer().create_multipart(&path).await?;
    let upload = Upload { s3, staged, path: &path, id: &id, size };
    let note = match s3.notes().begin(&path, &id).await {
        Ok(note) => note,
        Err(error) => {
            s3.abort(&path, &id).await;
            return Err(error);
        }
    };
    let sent = upload.run().await;
    if sent.is_ok() || s3.abort(&path, &id).await {
        s3.notes().end(note).await;
    } else {
        s3.notes().leave(note);
    }
    let Err(error) = sent else { return Ok(StoreOutcome::New) };
    // The response to the last request may have been lost, and its retry refused.
    if s3.holds(digest, size).await.unwrap_or(false) { Ok(StoreOutcome::New) } else { Err(error) }
}

struct Upload<'a> {
    s3: &'a S3,
    staged: &'a Staged,
    path: &'a Path,
    id: &'a MultipartId,
    size: u64,
}

impl Upload<'_> {
    async fn run(&self) -> Result<(), Error> {
        let part_bytes = part_bytes(self.size);
        let parts: Vec<PartId> = stream::iter(0..self.size.div_ceil(part_bytes))
            .map(|index| self.part(index, part_bytes))
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        self.s3.writer().complete_multipart(self.path, self.id, parts).await?;
        Ok(())
    }

    async fn part(&self, index: u64, part_bytes: u64) -> Result<PartId, Error> {
        let _permit = self.s3.parts().acquire().await.map_err(|_closed| Error::Stopped)?;
        let start = index * part_bytes;
        let bytes = chunk(self.staged, start, part_bytes.min(self.size - start)).await?;
        // There are at most MAX_PARTS.
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        Ok(self.s3.writer().put_part(self.path, self.id, index, PutPayload::from_bytes(bytes)).await?)
    }
}

// Some services require all parts but the last to have the same size.
fn part_bytes(size: u64) -> u64 {
    size.div_ceil(MAX_PARTS).next_multiple_of(1 << 20).max(PART_BYTES)
}

async fn chunk(staged: &Staged, start: u64, len: u64) -> Result<Bytes, Error> {
    let staged = staged.clone();
    files::blocking(move || {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        let mut filled = 0;
        while filled < bytes.len() {
            match staged.read_at(start + filled as u64, &mut bytes[filled..])? {
                0 => return Err(Error::io("read", std::io::ErrorKind::UnexpectedEof.into())),
                count => filled += count,
            }
        }
        Ok(bytes.into())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_equal_and_not_too_many() {
        for size in [PART_BYTES + 1, 80 << 30, (80_000 << 20) + 1, 1 << 40] {
            let part = part_bytes(size);
            assert!(part >= PART_BYTES && part.is_multiple_of(1 << 20));
            assert!(size.div_ceil(part) <= MAX_PARTS, "{size}");
        }
        assert_eq!(part_bytes(20 << 20), PART_BYTES);
    }
}
