//! Blobs as files: `blobs/<algorithm>/<first two hex digits>/<hex>`.
//!
//! A file gets its name only after its bytes are durable, and an operation succeeds only after the name is: sync the
//! file, rename it, sync the directory. All functions block.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use entrepot_oci::{Algorithm, Digest, Hasher};

use crate::{
    error::Error,
    files,
    held::{HeldBlob, MEMORY_BYTES, RehashOutcome, StoreOutcome},
    listing::{self, BlobPage, StoredBlob},
    mapping::Mapping,
    pace::Pace,
    staged::Claim,
    verify::verified,
};

/// Buffer size in bytes for hashing a file.
const EXAMINED: usize = 1 << 20;

pub(crate) struct Disk {
    dir: PathBuf,
    // Shards whose directory entry is known to be durable.
    shards: Mutex<HashSet<PathBuf>>,
}

impl Disk {
    pub(crate) fn open(dir: PathBuf) -> Result<Self, Error> {
        files::create_dir(&dir)?;
        files::sync_dir(&dir)?;
        Ok(Self { dir, shards: Mutex::default() })
    }

    pub(crate) fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        files::len(&self.path(digest))
    }

    /// Opens a blob: a small one is read and verified, a larger one is mapped. A damaged one is set aside.
    pub(crate) fn load(&self, digest: &Digest) -> Result<Option<HeldBlob>, Error> {
        let Some(file) = files::there(File::open(self.path(digest)), "open")? else { return Ok(None) };
        let size = file.metadata().map_err(Error::at("stat"))?.len();
        if size > MEMORY_BYTES {
            return Mapping::of(Arc::new(file)).map(|mapping| Some(HeldBlob::Mapped(mapping)));
        }
        let mut bytes = Vec::new();
        let read = file.take(MEMORY_BYTES).read_to_end(&mut bytes).map_err(Error::at("read"));
        match read.and_then(|_| verified(digest, bytes.into())) {
            Ok(bytes) => Ok(Some(HeldBlob::Memory(bytes))),
            Err(error) => self.set_aside(digest, error).map(|()| None),
        }
    }

    /// Rereads a blob, and sets it aside if it is damaged. Returns whether it is.
    pub(crate) fn examine(&self, digest: &Digest) -> Result<bool, Error> {
        match self.hash(digest, |_| Duration::ZERO) {
            Ok(hash) if hash.is_none_or(|hash| hash == *digest) => Ok(false),
            Ok(_) => self.set_aside(digest, Error::Damaged { digest: *digest }).map(|()| true),
            Err(error) => self.set_aside(digest, error).map(|()| true),
        }
    }

    /// Rereads a blob at a pace.
    pub(crate) fn rehash(&self, digest: &Digest, pace: &mut Pace) -> Result<RehashOutcome, Error> {
        match self.hash(digest, |bytes| pace.after(bytes)) {
            Ok(None) => Ok(RehashOutcome::Absent),
            Ok(Some(hash)) if hash == *digest => Ok(RehashOutcome::Fine),
            Ok(Some(_)) => Ok(RehashOutcome::Damaged),
            Err(error) if error.is_damage() => Ok(RehashOutcome::Damaged),
            Err(error) => Err(error),
        }
    }

    /// The digest of what is stored; `None` if nothing is. It pauses after each piece for as long as `pause` says.
    fn hash(&self, digest: &Digest, mut pause: impl FnMut(u64) -> Duration) -> Result<Option<Digest>, Error> {
        let Some(mut file) = files::there(File::open(self.path(digest)), "open")? else { return Ok(None) };
        let mut hasher = Hasher::new(digest.algorithm());
        let mut piece = vec![0; EXAMINED];
        loop {
            let length = match file.read(&mut piece) {
                Ok(0) => return Ok(Some(hasher.finish())),
                Ok(length) => length,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io("read", error)),
            };
            hasher.update(&piece[..length]);
            std::thread::sleep(pause(length as u64));
        }
    }

    // Not removed: what the disk cannot read must not be reused, and an operator may want to inspect it.
    fn set_aside(&self, digest: &Digest, error: Error) -> Result<(), Error> {
        if !error.is_damage() {
            return Err(error);
        }
        let dir = self.dir.with_file_name("damaged");
        files::create_dir(&dir)?;
        let to = dir.join(format!("{}-{}", digest.algorithm().name(), digest.hex()));
        files::rename(&self.path(digest), &to)?;
        tracing::error!(%digest, %error, file = %to.display(), "a blob is damaged and was set aside");
        Ok(())
    }

    /// Stores verified bytes by way of `scratch`, a path on the same file system.
    pub(crate) fn put(&self, scratch: &Path, digest: &Digest, bytes: &[u8]) -> Result<StoreOutcome, Error> {
        if self.holds(digest, bytes.len() as u64)? {
            return Ok(StoreOutcome::AlreadyHeld);
        }
        let stored = self.put_new(scratch, digest, bytes);
        // A file is left there only after a failure, and then that failure is the one to report.
        if let Err(error) = files::remove(scratch) {
            tracing::warn!(%error, "cannot remove a scratch file");
        }
        stored
    }

    fn put_new(&self, scratch: &Path, digest: &Digest, bytes: &[u8]) -> Result<StoreOutcome, Error> {
        let mut file = files::create_new(scratch)?;
        file.write_all(bytes).map_err(Error::at("write"))?;
        file.sync_data().map_err(Error::at("sync"))?;
        self.publish(scratch, digest, bytes.len() as u64)
    }

    /// Makes a staged file the blob.
    pub(crate) fn commit(&self, claim: Claim, digest: &Digest) -> Result<StoreOutcome, Error> {
        let size = claim.staged().len()?;
        if self.holds(digest, size)? {
            claim.done();
            return Ok(StoreOutcome::AlreadyHeld);
        }
        if let Err(error) = claim.staged().sync() {
            // The kernel may have dropped the bytes and reports that only once: a retry proves nothing.
            claim.done();
            return Err(error);
        }
        match self.publish(claim.path(), digest, size) {
            Err(error) if files::len(claim.path())?.is_some() => Err(error),
            settled => {
                claim.done();
                settled
            }
        }
    }

    pub(crate) fn remove(&self, digest: &Digest) -> Result<bool, Error> {
        files::remove(&self.path(digest))
    }

    /// The blobs after a digest, until at least `limit` have been found.
    pub(crate) fn list(&self, after: Option<&Digest>, limit: usize) -> Result<BlobPage, Error> {
        let first = after.map(|after| self.shard(after));
        let mut page = BlobPage::default();
        for shard in self.shards_from(first.as_deref()) {
            if page.blobs.len() >= limit {
                page.more = true;
                break;
            }
            let mut found = list_shard(&shard)?;
            found.retain(|blob| after.is_none_or(|after| blob.digest > *after));
            found.sort_unstable_by_key(|blob| blob.digest);
            page.blobs.append(&mut found);
        }
        Ok(page)
    }

    fn shards_from(&self, first: Option<&Path>) -> impl Iterator<Item = PathBuf> {
        let of = |algorithm: Algorithm| {
            let dir = self.dir.join(algorithm.name());
            (0..=u8::MAX).map(move |byte| dir.join(format!("{byte:02x}")))
        };
        let all = [Algorithm::Sha256, Algorithm::Sha512].into_iter().flat_map(of);
        all.skip_while(move |shard| first.is_some_and(|first| shard.as_path() != first))
    }

    /// Checks that the directory can be reached.
    pub(crate) fn check(&self) -> Result<(), Error> {
        files::len(&self.dir)?.map(drop).ok_or_else(|| Error::io("open", std::io::ErrorKind::NotFound.into()))
    }

    // A name just created by another thread may not be durable yet, but the caller will report that it is.
    fn holds(&self, digest: &Digest, size: u64) -> Result<bool, Error> {
        if self.size(digest)? != Some(size) {
            return Ok(false);
        }
        files::sync_dir(&self.shard(digest)).map(|()| true)
    }

    // The bytes of `from` are already durable.
    fn publish(&self, from: &Path, digest: &Digest, size: u64) -> Result<StoreOutcome, Error> {
        let to = self.path(digest);
        self.make_shard(&self.shard(digest))?;
        if !files::rename_new(from, &to)? {
            if self.holds(digest, size)? {
                files::remove(from)?;
                return Ok(StoreOutcome::AlreadyHeld);
            }
            // A different size means different content: the existing file is damaged, the new one was verified.
            files::rename(from, &to)?;
        }
        if let Err(error) = files::sync_dir(&self.shard(digest)) {
            // Later callers must not find it and take it for durable.
            files::remove(&to)?;
            return Err(error);
        }
        Ok(StoreOutcome::New)
    }

    // Also for an existing one: the process that created it may have died before it was durable.
    fn make_shard(&self, shard: &Path) -> Result<(), Error> {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        if shards.contains(shard) {
            return Ok(());
        }
        files::create_dir(shard)?;
        for parent in shard.ancestors().skip(1).take(2) {
            files::sync_dir(parent)?;
        }
        shards.insert(shard.to_path_buf());
        Ok(())
    }

    fn shard(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.dir.join(digest.algorithm().name()).join(hex.get(..2).unwrap_or_default())
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.shard(digest).join(digest.hex())
    }
}

fn list_shard(shard: &Path) -> Result<Vec<StoredBlob>, Error> {
    let Some(entries) = files::there(fs::read_dir(shard), "list")? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::at("list"))?;
        let Some(digest) = listing::named(&entry.path()) else { continue };
        // It may have been removed since the directory was read.
        let Some(metadata) = files::there(entry.metadata(), "stat")? else { continue };
        let modified = metadata.modified().map_err(Error::at("stat"))?;
        found.push(StoredBlob { digest, size: metadata.len(), modified });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::journal;

    #[test]
    fn a_name_is_durable_before_the_answer() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path().join("blobs")).unwrap();
        let (bytes, digest) = (b"bytes".as_slice(), Digest::of(b"bytes"));
        let (shard, path) = (disk.shard(&digest), disk.path(&digest));
        journal::take();

        let scratch = dir.path().join("scratch");
        assert_eq!(disk.put(&scratch, &digest, bytes).unwrap(), StoreOutcome::New);
        // The shard is new, and its algorithm's directory may be too: both names first.
        let above = shard.parent().unwrap().to_owned();
        let expected = [
            ("sync", above.clone()),
            ("sync", above.parent().unwrap().to_owned()),
            ("rename", path.clone()),
            ("sync", shard.clone()),
        ];
        assert_eq!(journal::take(), expected);

        // The process that named it may have died before making the name durable.
        assert_eq!(disk.put(&scratch, &digest, bytes).unwrap(), StoreOutcome::AlreadyHeld);
        assert_eq!(journal::take(), [("sync", shard.clone())]);

        disk.remove(&digest).unwrap();
        assert_eq!(disk.put(&scratch, &digest, bytes).unwrap(), StoreOutcome::New);
        assert_eq!(journal::take(), [("rename", path), ("sync", shard)]);
    }
}
