//! The blob store, with the same interface for every backend.

use std::{path::Path, sync::Arc, time::SystemTime};

use bytes::Bytes;
use entrepot_oci::Digest;

use crate::{
    cache::{Cache, Mark},
    disk::Disk,
    error::Error,
    files::{blocking, create_dir, sync_dir, to_its_end},
    held::{HeldBlob, MEMORY_BYTES, RehashOutcome, StoreOutcome},
    listing::BlobPage,
    object::ObjectBlob,
    pace::Pace,
    reserve::Reserve,
    s3::S3,
    settings::S3Settings,
    shared_requests::SharedRequests,
    stage_id::StageId,
    staged::Staged,
    staging::Staging,
    verify::verified,
};

/// The blob store. Cheap to clone.
///
/// Every method that changes something runs to completion even if the caller stops waiting.
#[derive(Clone)]
pub struct Blobs(Arc<BlobsInner>);

struct BlobsInner {
    backend: Backend,
    staging: Arc<Staging>,
    reserve: Arc<Reserve>,
    cache: Cache,
    // Requests to S3. One that began before a blob was stored or removed is not shared with whoever asks after that.
    heads: SharedRequests<(Digest, Mark), Option<ObjectBlob>>,
    loads: SharedRequests<(Digest, Mark), Option<HeldBlob>>,
}

enum Backend {
    Disk(Arc<Disk>),
    S3(S3),
}

impl Blobs {
    /// Opens the store in `dir`, creating `dir/blobs` (unless blobs are in S3) and `dir/staging`, for this user only.
    ///
    /// The caller must hold the lock of `dir`: scratch files left by an earlier process are removed. No request is sent
    /// to S3; see [`Self::check`].
    pub async fn open(dir: &Path, s3: Option<&S3Settings>) -> Result<Self, Error> {
        let root = dir.to_path_buf();
        let staging = blocking(move || {
            create_dir(&root)?;
            Staging::open(root.join("staging"))
        })
        .await?;
        let (backend, cache) = match s3 {
            Some(settings) => (Backend::S3(S3::open(settings, staging.dir())?), Cache::of_objects()),
            None => {
                let blobs = dir.join("blobs");
                let disk = blocking(move || Disk::open(blobs)).await?;
                (Backend::Disk(Arc::new(disk)), Cache::of_files())
            }
        };
        let root = dir.to_path_buf();
        blocking(move || sync_dir(&root)).await?;
        let (heads, loads) = (SharedRequests::default(), SharedRequests::default());
        let reserve = Arc::new(Reserve::new(dir.join("reserve")));
        Ok(Self(Arc::new(BlobsInner { backend, staging: Arc::new(staging), reserve, cache, heads, loads })))
    }

    /// Checks that the store can be reached; for S3 this sends a request.
    pub async fn check(&self) -> Result<(), Error> {
        match &self.0.backend {
            Backend::Disk(disk) => {
                let disk = Arc::clone(disk);
                blocking(move || disk.check()).await
            }
            Backend::S3(s3) => s3.check().await,
        }
    }

    /// Size of the blob in bytes; `None` if it is not stored.
    pub async fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        if let Some(held) = self.0.cache.get(digest) {
            return Ok(Some(held.size()));
        }
        // Boxed: see `Blobs::get`.
        Box::pin(self.stored_size(*digest)).await
    }

    async fn stored_size(&self, digest: Digest) -> Result<Option<u64>, Error> {
        match &self.0.backend {
            Backend::Disk(disk) => {
                let disk = Arc::clone(disk);
                blocking(move || disk.size(&digest)).await
            }
            Backend::S3(s3) => {
                let mark = self.0.cache.mark(&digest);
                let Some(object) = self.head(s3, (digest, mark)).await? else { return Ok(None) };
                let size = object.size();
                self.0.cache.keep(mark, &digest, HeldBlob::Object(object));
                Ok(Some(size))
            }
        }
    }

    /// The same, asked of the backend and not of a cache: the answer to rely on before a record is written. In S3, others may
    /// have removed the object.
    pub async fn look(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        let size = match &self.0.backend {
            Backend::Disk(disk) => {
                let (disk, digest) = (Arc::clone(disk), *digest);
                blocking(move || disk.size(&digest)).await?
            }
            Backend::S3(s3) => s3.head(digest).await?.map(|object| object.size()),
        };
        if size.is_none() {
            self.0.cache.forget(digest);
        }
        Ok(size)
    }

    /// A page of about `limit` stored blobs after a digest. Those that come or go meanwhile may be left out.
    pub async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<BlobPage, Error> {
        match &self.0.backend {
            Backend::Disk(disk) => {
                let (disk, after) = (Arc::clone(disk), after.copied());
                blocking(move || disk.list(after.as_ref(), limit)).await
            }
            Backend::S3(s3) => s3.list(after, limit).await,
        }
    }

    /// The blob, ready to be sent; `None` if it is not stored. Recently used blobs come from memory, without a system
    /// call.
    ///
    /// On disk, a small blob that does not match its digest is set aside, as is a larger one after
    /// [`Mapping::suspect`](crate::Mapping::suspect), and counts as not stored. In S3, that is [`Error::Damaged`].
    pub async fn get(&self, digest: &Digest) -> Result<Option<HeldBlob>, Error> {
        let known = self.0.cache.get(digest);
        let is_ready = match &known {
            Some(HeldBlob::Mapped(mapping)) => !mapping.take_suspicion(),
            // Only the size of a small object is known so far.
            Some(HeldBlob::Object(object)) => object.size() > MEMORY_BYTES,
            Some(HeldBlob::Memory(_)) => true,
            None => false,
        };
        if is_ready {
            return Ok(known);
        }
        // Boxed: futures are moved while a request is answered, and this one is seldom needed and large.
        Box::pin(self.load(digest, known)).await
    }

    async fn load(&self, digest: &Digest, known: Option<HeldBlob>) -> Result<Option<HeldBlob>, Error> {
        let known = match known {
            Some(HeldBlob::Object(object)) => Some(object),
            Some(HeldBlob::Mapped(_)) => {
                self.examine(digest).await?;
                None
            }
            Some(HeldBlob::Memory(_)) | None => None,
        };
        let (digest, mark, stale) = (*digest, self.0.cache.mark(digest), known.is_some());
        let held = match &self.0.backend {
            Backend::Disk(disk) => {
                let disk = Arc::clone(disk);
                blocking(move || disk.load(&digest)).await?
            }
            Backend::S3(s3) => {
                let load = async {
                    let object = match known {
                        Some(object) => Some(object),
                        None => self.head(s3, (digest, mark)).await?,
                    };
                    let Some(object) = object else { return Ok(None) };
                    s3.load(&digest, object).await
                };
                self.0.loads.join((digest, mark), load).await?
            }
        };
        match &held {
            Some(held) => self.0.cache.keep(mark, &digest, held.clone()),
            None if stale => self.0.cache.forget(&digest),
            None => {}
        }
        Ok(held)
    }

    async fn head(&self, s3: &S3, of: (Digest, Mark)) -> Result<Option<ObjectBlob>, Error> {
        self.0.heads.join(of, s3.head(&of.0)).await
    }

    /// Forgets what is remembered of a blob, because it turned out not to be there any more.
    pub fn forget(&self, digest: &Digest) {
        self.0.cache.forget(digest);
    }

    async fn examine(&self, digest: &Digest) -> Result<(), Error> {
        match &self.0.backend {
            Backend::Disk(_) => self.quarantine(digest).await.map(drop),
            Backend::S3(_) => Ok(()),
        }
    }

    /// Hashes the stored bytes again at a pace, which goes on with what is returned. No cache is asked.
    pub async fn rehash(&self, digest: &Digest, mut pace: Pace) -> Result<(RehashOutcome, Pace), Error> {
        match &self.0.backend {
            Backend::Disk(disk) => {
                let (disk, digest) = (Arc::clone(disk), *digest);
                blocking(move || Ok((disk.rehash(&digest, &mut pace)?, pace))).await
            }
            Backend::S3(s3) => Ok((s3.rehash(digest, &mut pace).await?, pace)),
        }
    }

    /// Hashes the stored bytes once more and sets them aside if they are damaged; they count as not stored then. Returns whether
    /// they were. The caller sees to it that nobody stores the blob meanwhile.
    pub async fn quarantine(&self, digest: &Digest) -> Result<bool, Error> {
        let (this, digest) = (self.clone(), *digest);
        to_its_end(async move {
            let set_aside = match &this.0.backend {
                Backend::Disk(disk) => {
                    let disk = Arc::clone(disk);
                    blocking(move || disk.examine(&digest)).await
                }
                Backend::S3(s3) => s3.quarantine(&digest).await,
            };
            this.0.cache.forget(&digest);
            set_aside
        })
        .await
    }

    /// All bytes of a blob of at most `limit` bytes, verified; `None` if it is not stored.
    ///
    /// [`Error::TooLarge`] before anything is read; [`Error::Damaged`].
    pub async fn read(&self, digest: &Digest, limit: u64) -> Result<Option<Bytes>, Error> {
        let Some(held) = self.get(digest).await? else { return Ok(None) };
        let (digest, size) = (*digest, held.size());
        if size > limit {
            return Err(Error::TooLarge { digest, size, limit });
        }
        match held {
            HeldBlob::Memory(bytes) => Ok(bytes),
            HeldBlob::Mapped(mapping) => {
                let verify = move || {
                    mapping.ready(0..size)?;
                    let read = verified(&digest, Bytes::copy_from_slice(mapping.bytes()));
                    read.inspect_err(|_| mapping.suspect())
                };
                blocking(verify).await
            }
            HeldBlob::Object(object) => match object.read(&digest).await {
                Err(Error::Gone) => {
                    self.forget(&digest);
                    return Ok(None);
                }
                read => read,
            },
        }
        .map(Some)
    }

    /// Verifies and stores bytes that are already in memory, such as a manifest.
    ///
    /// [`Error::WrongDigest`]; [`Error::Full`].
    pub async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<StoreOutcome, Error> {
        let (this, digest) = (self.clone(), *digest);
        to_its_end(async move {
            let mark = this.0.cache.mark(&digest);
            let stored = this.put_verified(&digest, bytes.clone()).await?;
            if bytes.len() as u64 <= MEMORY_BYTES {
                // Copied, because the bytes may be a slice of something large.
                this.0.cache.keep(mark, &digest, HeldBlob::Memory(Bytes::copy_from_slice(&bytes)));
            } else if stored == StoreOutcome::New {
                // The new one may have replaced a damaged one.
                this.0.cache.forget(&digest);
            }
            Ok(stored)
        })
        .await
    }

    async fn put_verified(&self, digest: &Digest, bytes: Bytes) -> Result<StoreOutcome, Error> {
        let (digest, offered) = (*digest, bytes.clone());
        blocking(move || matches(&digest, &offered)).await?;
        match &self.0.backend {
            Backend::Disk(disk) => {
                let (disk, scratch) = (Arc::clone(disk), self.0.staging.scratch());
                blocking(move || disk.put(&scratch, &digest, &bytes)).await
            }
            Backend::S3(s3) => s3.put(&digest, bytes).await,
        }
    }

    /// Removes the blob and returns whether there was one. Current readers can finish.
    pub async fn remove(&self, digest: &Digest) -> Result<bool, Error> {
        let (this, digest) = (self.clone(), *digest);
        to_its_end(async move {
            let removed = match &this.0.backend {
                Backend::Disk(disk) => {
                    let disk = Arc::clone(disk);
                    blocking(move || disk.remove(&digest)).await
                }
                Backend::S3(s3) => s3.remove(&digest).await,
            };
            this.0.cache.forget(&digest);
            removed
        })
        .await
    }

    /// A new, empty staged file, replacing any existing one.
    ///
    /// [`Error::Closed`] if the existing one is being committed.
    pub async fn stage(&self, id: &StageId) -> Result<Staged, Error> {
        self.staging(id, Staging::stage).await
    }

    /// The staged file left by an earlier request or an earlier process.
    pub async fn staged(&self, id: &StageId) -> Result<Option<Staged>, Error> {
        self.staging(id, Staging::staged).await
    }

    /// All staged files with their modification times, in no particular order.
    pub async fn list_staged(&self) -> Result<Vec<(StageId, SystemTime)>, Error> {
        let staging = Arc::clone(&self.0.staging);
        blocking(move || staging.list()).await
    }

    /// Removes the staged file and its note, if it exists.
    ///
    /// [`Error::Closed`] if it is being committed.
    pub async fn discard(&self, id: &StageId) -> Result<(), Error> {
        self.staging(id, Staging::discard).await
    }

    /// Makes a staged file the blob `digest`. The caller has verified that all its bytes match.
    ///
    /// On `Ok`, the blob is durable and the staged file is gone. After [`Error::Full`] and most other errors, the
    /// staged file is unchanged and the commit can be retried; after a failed sync it is gone, since its state is
    /// unknown. Readers that mapped it can finish in any case.
    pub async fn commit(&self, staged: Staged, digest: &Digest) -> Result<StoreOutcome, Error> {
        let (this, digest) = (self.clone(), *digest);
        to_its_end(async move {
            let claiming = staged.clone();
            let claim = blocking(move || claiming.claim()).await?;
            let stored = match &this.0.backend {
                Backend::Disk(disk) => {
                    let disk = Arc::clone(disk);
                    blocking(move || disk.commit(claim, &digest)).await?
                }
                Backend::S3(s3) => s3.commit(claim, &digest).await?,
            };
            if stored == StoreOutcome::New {
                // The new one may have replaced a damaged one.
                this.0.cache.forget(&digest);
            }
            Ok(stored)
        })
        .await
    }

    /// Aborts uploads to the object store that an earlier process left unfinished. Their parts cost money.
    pub async fn abort_unfinished(&self) {
        if let Backend::S3(s3) = &self.0.backend {
            s3.abort_unfinished().await;
        }
    }

    /// Bytes available to this process on the staging directory's file system.
    pub fn free_space(&self) -> Result<u64, Error> {
        let stat =
            rustix::fs::statvfs(self.0.staging.dir()).map_err(|errno| Error::io("stat", errno.into()))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Whether the blobs themselves are on that file system.
    pub fn are_files(&self) -> bool {
        matches!(self.0.backend, Backend::Disk(_))
    }

    /// Keeps [`RESERVE`](crate::RESERVE) bytes back on the disk.
    ///
    /// [`Error::Full`] if there are not so many left.
    pub async fn hold_reserve(&self) -> Result<(), Error> {
        let reserve = Arc::clone(&self.0.reserve);
        blocking(move || reserve.hold()).await
    }

    /// Gives back what was kept back, and returns whether that was anything.
    pub async fn release_reserve(&self) -> Result<bool, Error> {
        let reserve = Arc::clone(&self.0.reserve);
        blocking(move || reserve.release()).await
    }

    async fn staging<T: Send + 'static>(
        &self,
        id: &StageId,
        verb: impl FnOnce(&Staging, &StageId) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (staging, id) = (Arc::clone(&self.0.staging), id.clone());
        blocking(move || verb(&staging, &id)).await
    }
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0.backend {
            Backend::Disk(_) => "Blobs(disk)",
            Backend::S3(_) => "Blobs(s3)",
        })
    }
}

fn matches(expected: &Digest, bytes: &[u8]) -> Result<(), Error> {
    let actual = Digest::with(expected.algorithm(), bytes);
    if actual == *expected { Ok(()) } else { Err(Error::WrongDigest { expected: *expected, actual }) }
}
