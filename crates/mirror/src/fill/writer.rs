//! Writes a download to its partial file and hashes it on the way. Everything here blocks: call it on a blocking thread.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use bytes::Bytes;
use entrepot_blobs::{Error, Staged};
use entrepot_oci::{Digest, Hasher};

use super::written_ranges::WrittenRanges;
use crate::batch;

/// Bytes read back at a time to be hashed.
const READ_BACK: u64 = 1 << 20;

/// A partial file, the ranges written to it, and the hash of its beginning.
pub(super) struct Writer {
    staged: Staged,
    written: Mutex<WrittenRanges>,
    hashing: Mutex<Hashing>,
}

struct Hashing {
    hasher: Hasher,
    at: u64,
}

impl Writer {
    pub(super) fn new(staged: Staged, written: WrittenRanges, digest: &Digest) -> Self {
        let hashing = Hashing { hasher: Hasher::new(digest.algorithm()), at: 0 };
        Self { staged, written: Mutex::new(written), hashing: Mutex::new(hashing) }
    }

    pub(super) fn written(&self) -> MutexGuard<'_, WrittenRanges> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn staged(&self) -> &Staged {
        &self.staged
    }

    /// Writes `pieces` at `at` and hashes up to the first gap.
    pub(super) fn write(&self, at: u64, pieces: &[Bytes]) -> Result<(), Error> {
        let mut offset = at;
        for piece in pieces {
            self.staged.write_at(offset, piece)?;
            offset += piece.len() as u64;
        }
        self.written().add(at..at + batch::length(pieces));
        // Whoever holds the lock goes on to the end of what is there, and `finish` hashes what both missed.
        let mut hashing = match self.hashing.try_lock() {
            Ok(hashing) => hashing,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        if hashing.at == at {
            pieces.iter().for_each(|piece| hashing.hasher.update(piece));
            hashing.at = offset;
        }
        self.hash_until_gap(&mut hashing)
    }

    /// The digest of the whole file, once nothing is missing.
    pub(super) fn finish(&self) -> Result<Digest, Error> {
        let mut hashing = self.hashing.lock().unwrap_or_else(PoisonError::into_inner);
        self.hash_until_gap(&mut hashing)?;
        Ok(hashing.hasher.clone().finish())
    }

    fn hash_until_gap(&self, hashing: &mut Hashing) -> Result<(), Error> {
        let mut buffer = Vec::new();
        loop {
            let left = self.written().contiguous().saturating_sub(hashing.at).min(READ_BACK);
            if left == 0 {
                return Ok(());
            }
            // At most `READ_BACK`.
            buffer.resize(left as usize, 0);
            let read = self.staged.read_at(hashing.at, &mut buffer)?;
            if read == 0 {
                // The file lost bytes that were written; the digest will say so.
                return Ok(());
            }
            hashing.hasher.update(&buffer[..read]);
            hashing.at += read as u64;
        }
    }
}
