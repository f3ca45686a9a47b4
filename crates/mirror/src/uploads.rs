//! Upload sessions: blobs on their way in. What was received survives clients and restarts.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use entrepot_blobs::{Blobs, StageId, Staged};
use entrepot_catalog::RepoKey;
use entrepot_oci::{Algorithm, ChunkRange, Digest, Hasher};
use futures_util::Stream;
use serde::{Deserialize, Serialize};

use crate::{
    Error, UploadId,
    pour::{self, Batch, Batches},
    store::{blobs_failed, store_failed},
};

/// The most sessions at a time: each keeps a file and a descriptor.
const MOST: usize = 4096;
/// The most of them in one repository.
const MOST_IN_ONE: usize = 256;
/// A session that nobody touched for this long is given up.
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);
/// One that has no bytes yet is, after this long.
const UNUSED: Duration = Duration::from_secs(60 * 60);
/// A session that was finished with the wrong digest may be finished with the right one for this long.
pub(crate) const SPOILED: Duration = Duration::from_secs(25);
/// Bytes read back at a time to be hashed again after a restart.
const READ_BACK: usize = 1 << 20;

/// The sessions.
pub(crate) struct Uploads {
    blobs: Blobs,
    /// The most bytes of one.
    limit: u64,
    known: Mutex<HashMap<UploadId, Known>>,
}

/// A session that takes up room.
struct Known {
    repository: String,
    /// Not there until somebody asks for it, where a restart closed it.
    open: Option<Arc<Open>>,
}

/// A session as it can be found: whose it is and how far, also while somebody sends.
pub(crate) struct Open {
    repository: String,
    received: Arc<AtomicU64>,
    session: tokio::sync::Mutex<Session>,
}

/// One session. Its bytes are in a staged file, its beginning hashed.
pub(crate) struct Session {
    staged: Staged,
    hasher: Hasher,
    algorithm: Algorithm,
    offset: u64,
    limit: u64,
    received: Arc<AtomicU64>,
    spoiled: Option<SystemTime>,
}

/// A place in a session to which it can return.
pub(crate) struct Mark {
    offset: u64,
    hasher: Hasher,
}

/// What is written beside the staged file.
#[derive(Serialize, Deserialize)]
struct Note {
    repository: String,
    algorithm: String,
}

impl Uploads {
    /// None of them has more than `limit` bytes.
    pub(crate) fn new(blobs: Blobs, limit: u64) -> Self {
        Self { blobs, limit, known: Mutex::default() }
    }

    /// Looks through what an earlier process left: sessions with bytes go on, and nobody can know of the others.
    pub(crate) async fn take_up(&self) {
        let staged = self.blobs.list_staged().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "unfinished uploads could not be looked for");
            Vec::new()
        });
        for (id, _) in staged {
            let StageId::Upload(id) = id else { continue };
            match self.left(id).await {
                Some(repository) => drop(self.lock().insert(id, Known { repository, open: None })),
                None => self.drop_quietly(id).await,
            }
        }
    }

    /// Whose session it is, if it can go on.
    async fn left(&self, id: UploadId) -> Option<String> {
        let staged = self.blobs.staged(&StageId::Upload(id)).await.ok()??;
        let note = Note::of(&staged).await.ok()?;
        staged.is_empty().is_ok_and(|empty| !empty).then_some(note.repository)
    }

    /// Opens a session for `key` that can be found again, also after a restart.
    pub(crate) async fn start(&self, key: &RepoKey, algorithm: Algorithm) -> Result<UploadId, Error> {
        let id = self.start_brief(key, algorithm).await?;
        let note = Note { repository: key.to_string(), algorithm: algorithm.name().to_owned() };
        let noted = match self.blobs.staged(&StageId::Upload(id)).await {
            Ok(Some(staged)) => staged.set_note(&serde_json::to_vec(&note).unwrap_or_default()).await,
            Ok(None) => Err(entrepot_blobs::Error::Closed { id: StageId::Upload(id) }),
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            self.drop_quietly(id).await;
            return Err(blobs_failed(error));
        }
        Ok(id)
    }

    /// Opens a session that ends with its request: a restart throws it away.
    pub(crate) async fn start_brief(&self, key: &RepoKey, algorithm: Algorithm) -> Result<UploadId, Error> {
        let id = UploadId::new_v4();
        self.admit(id, key.to_string())?;
        let staged = match self.blobs.stage(&StageId::Upload(id)).await {
            Ok(staged) => staged,
            Err(error) => {
                self.lock().remove(&id);
                return Err(blobs_failed(error));
            }
        };
        let begun = (Hasher::new(algorithm), 0);
        let open = Open::new(key.to_string(), staged, begun, self.limit);
        self.lock().insert(id, Known { repository: key.to_string(), open: Some(open) });
        Ok(id)
    }

    /// Gives a session its place, if there is one.
    fn admit(&self, id: UploadId, repository: String) -> Result<(), Error> {
        let mut known = self.lock();
        let in_one = known.values().filter(|known| known.repository == repository).count();
        if known.len() >= MOST || in_one >= MOST_IN_ONE {
            return Err(Error::TooManyUploads);
        }
        known.insert(id, Known { repository, open: None });
        Ok(())
    }

    /// The session of that name, if it is of this repository.
    pub(crate) async fn find(&self, key: &RepoKey, id: UploadId) -> Result<Arc<Open>, Error> {
        let open = match self.open(id) {
            Some(open) => open,
            None => self.reopen(id).await?,
        };
        // The sessions of others do not exist here.
        if open.repository == key.to_string() { Ok(open) } else { Err(Error::UploadUnknown) }
    }

    /// Ends a session and frees its bytes.
    pub(crate) async fn end(&self, id: UploadId) -> Result<(), Error> {
        self.lock().remove(&id);
        self.blobs.discard(&StageId::Upload(id)).await.map_err(blobs_failed)
    }

    /// Ends a session that nobody waits for.
    pub(crate) async fn drop_quietly(&self, id: UploadId) {
        if let Err(error) = self.end(id).await {
            tracing::warn!(%error, "what is left of an upload could not be removed");
        }
    }

    /// Ends the sessions that were given up.
    pub(crate) async fn expire(&self, now: SystemTime) {
        for (id, modified) in self.blobs.list_staged().await.unwrap_or_default() {
            let StageId::Upload(id) = id else { continue };
            let unused = self.open(id).is_some_and(|open| open.received() == 0);
            let patience = if unused { UNUSED } else { IDLE };
            if now.duration_since(modified).is_ok_and(|idle| idle > patience) {
                self.drop_quietly(id).await;
            }
        }
        for id in self.over(now) {
            self.drop_quietly(id).await;
        }
    }

    fn over(&self, now: SystemTime) -> Vec<UploadId> {
        let is_over = |known: &Known| known.open.as_ref().is_some_and(|open| open.is_over(now));
        self.lock().iter().filter(|(_, known)| is_over(known)).map(|(id, _)| *id).collect()
    }

    /// Whether it takes up room still.
    pub(crate) fn is_known(&self, id: UploadId) -> bool {
        self.lock().contains_key(&id)
    }

    fn open(&self, id: UploadId) -> Option<Arc<Open>> {
        self.lock().get(&id).and_then(|known| known.open.clone())
    }

    /// Takes up a session that a restart closed: its bytes are hashed again.
    async fn reopen(&self, id: UploadId) -> Result<Arc<Open>, Error> {
        let staged = self.blobs.staged(&StageId::Upload(id)).await.map_err(blobs_failed)?;
        let staged = staged.ok_or(Error::UploadUnknown)?;
        let note = Note::of(&staged).await?;
        let algorithm = note.algorithm.parse().map_err(|_| Error::UploadUnknown)?;
        let hashed = hash_staged(&staged, algorithm).await?;
        let open = Open::new(note.repository.clone(), staged, hashed, self.limit);
        let mut all = self.lock();
        let known = all.entry(id).or_insert(Known { repository: note.repository, open: None });
        Ok(Arc::clone(known.open.get_or_insert(open)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<UploadId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Note {
    /// The note beside a staged file. Without a good one there is no session.
    async fn of(staged: &Staged) -> Result<Self, Error> {
        let note = staged.note().await.map_err(blobs_failed)?.ok_or(Error::UploadUnknown)?;
        serde_json::from_slice(&note).map_err(|_| Error::UploadUnknown)
    }
}

impl Open {
    fn new(repository: String, staged: Staged, hashed: (Hasher, u64), limit: u64) -> Arc<Self> {
        let (hasher, offset) = hashed;
        let algorithm = hasher.algorithm();
        let received = Arc::new(AtomicU64::new(offset));
        let session = Session {
            staged,
            hasher,
            algorithm,
            offset,
            limit,
            received: Arc::clone(&received),
            spoiled: None,
        };
        Arc::new(Self { repository, received, session: tokio::sync::Mutex::new(session) })
    }

    /// Bytes received so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Acquire)
    }

    /// Whether nothing can come of it any more: nobody sends, and its file is gone or was finished wrongly a while ago.
    fn is_over(&self, now: SystemTime) -> bool {
        let Ok(session) = self.session.try_lock() else { return false };
        let spoiled = session.spoiled.and_then(|since| now.duration_since(since).ok());
        !session.staged.is_current() || spoiled.is_some_and(|age| age > SPOILED)
    }

    /// The session, once nobody else sends.
    pub(crate) async fn lock(&self) -> tokio::sync::MutexGuard<'_, Session> {
        self.session.lock().await
    }
}

impl Session {
    /// Bytes received so far.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn staged(&self) -> &Staged {
        &self.staged
    }

    /// Takes a body in. A chunk that does not fit leaves the session as it was; a body that breaks off leaves what
    /// came.
    pub(crate) async fn append<B>(&mut self, chunk: Option<ChunkRange>, body: B) -> Result<(), Error>
    where
        B: Stream<Item = Result<Bytes, Error>> + Send + Unpin,
    {
        if chunk.is_some_and(|chunk| chunk.first != self.offset) {
            return Err(Error::ChunkOutOfOrder { offset: self.offset });
        }
        let before = self.mark();
        let room = chunk.map_or(u64::MAX, ChunkRange::length);
        if chunk.is_some() && room > self.limit.saturating_sub(self.offset) {
            return Err(Error::TooLarge { limit: self.limit });
        }
        let received = self.take_in(body, room).await;
        let fits = self.offset - before.offset == room || chunk.is_none();
        match received {
            Ok(()) if fits => Ok(()),
            Err(Error::BodyBroken) => Err(Error::BodyBroken),
            other => {
                self.return_to(before)?;
                Err(other.err().unwrap_or(Error::SizeInvalid))
            }
        }
    }

    /// Where the session is now.
    pub(crate) fn mark(&self) -> Mark {
        Mark { offset: self.offset, hasher: self.hasher.clone() }
    }

    /// Forgets what came since.
    pub(crate) fn return_to(&mut self, mark: Mark) -> Result<(), Error> {
        (self.offset, self.hasher) = (mark.offset, mark.hasher);
        self.received.store(self.offset, Ordering::Release);
        self.staged.truncate(self.offset).map_err(blobs_failed)
    }

    /// The digest of what was received, by the algorithm of `wanted`.
    pub(crate) async fn digest(&self, wanted: &Digest) -> Result<Digest, Error> {
        if wanted.algorithm() == self.algorithm {
            return Ok(self.hasher.clone().finish());
        }
        let (hasher, _) = hash_staged(&self.staged, wanted.algorithm()).await?;
        Ok(hasher.finish())
    }

    /// Notes that the session was finished with a digest that is not its content's.
    pub(crate) fn spoil(&mut self, now: SystemTime) {
        self.spoiled = Some(now);
    }

    async fn take_in<B>(&mut self, body: B, room: u64) -> Result<(), Error>
    where
        B: Stream<Item = Result<Bytes, Error>> + Send + Unpin,
    {
        let mut batches = Batches::new(body);
        let start = self.offset;
        loop {
            match batches.next().await {
                Batch::End => return Ok(()),
                Batch::Broken(error) => return Err(error),
                Batch::Bytes(pieces) if self.offset - start + pour::length(&pieces) > room => {
                    return Err(Error::SizeInvalid);
                }
                Batch::Bytes(pieces) if self.offset + pour::length(&pieces) > self.limit => {
                    return Err(Error::TooLarge { limit: self.limit });
                }
                Batch::Bytes(pieces) => batches.gather(self.write(pieces)).await?,
            }
        }
    }

    async fn write(&mut self, pieces: Vec<Bytes>) -> Result<(), Error> {
        let (staged, mut hasher, at) = (self.staged.clone(), self.hasher.clone(), self.offset);
        let written = tokio::task::spawn_blocking(move || {
            let mut offset = at;
            for piece in &pieces {
                staged.write_at(offset, piece)?;
                hasher.update(piece);
                offset += piece.len() as u64;
            }
            Ok((hasher, offset))
        });
        (self.hasher, self.offset) = written.await.map_err(store_failed)?.map_err(blobs_failed)?;
        self.received.store(self.offset, Ordering::Release);
        Ok(())
    }
}

async fn hash_staged(staged: &Staged, algorithm: Algorithm) -> Result<(Hasher, u64), Error> {
    let staged = staged.clone();
    let hashed = tokio::task::spawn_blocking(move || {
        let (mut hasher, mut offset, mut buffer) = (Hasher::new(algorithm), 0, vec![0; READ_BACK]);
        loop {
            let read = staged.read_at(offset, &mut buffer)?;
            if read == 0 {
                return Ok((hasher, offset));
            }
            hasher.update(&buffer[..read]);
            offset += read as u64;
        }
    });
    hashed.await.map_err(store_failed)?.map_err(blobs_failed)
}
