//! Upload sessions. What a session has received survives its clients and a restart.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use entrepot_blobs::{StageId, Staged};
use entrepot_catalog::RepoKey;
use entrepot_oci::{Algorithm, ChunkRange, Digest, Hasher};
use futures_util::Stream;
use serde::{Deserialize, Serialize};

use crate::{
    batch::{self, Batch, Batches},
    error::Error,
    holdings::Holdings,
    served::{UploadId, Uploader},
    store::{blobs_failed, store_failed},
};

/// The most sessions at a time: each keeps a file.
const MAX_SESSIONS: usize = 4096;
/// The most sessions of one repository.
const MAX_PER_REPOSITORY: usize = 256;
/// A session that nobody has written to for this long is ended.
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);
/// A session without bytes is ended after this long.
const UNUSED: Duration = Duration::from_secs(60 * 60);
/// How long a session that could not be finished, with a wrong digest for example, may be finished again.
pub(crate) const FINISH_GRACE: Duration = Duration::from_secs(25);
/// A session that nobody has written to for this long gives its descriptor back.
const PARKED_AFTER: Duration = Duration::from_secs(60);
/// The bytes read at a time to hash them again after a restart.
const READ_BACK: usize = 1 << 20;

/// The sessions.
pub(crate) struct Uploads {
    holdings: Arc<Holdings>,
    /// The most bytes of one session.
    limit: u64,
    known: Mutex<HashMap<UploadId, SessionEntry>>,
}

/// A session that counts against the bounds.
struct SessionEntry {
    repository: String,
    owner: Uploader,
    state: SessionState,
}

/// What is in memory of a session.
enum SessionState {
    /// Nothing: it is being made, or nobody has asked for it since a restart.
    OnDisk,
    /// Its progress, without its file.
    Parked(Box<Checkpoint>),
    Open(Arc<OpenSession>),
}

/// A session that can be asked whose it is and how far, also while somebody sends.
pub(crate) struct OpenSession {
    repository: String,
    received: Arc<AtomicU64>,
    session: tokio::sync::Mutex<UploadSession>,
}

/// A session's bytes, in a staged file and hashed as they came.
pub(crate) struct UploadSession {
    staged: Staged,
    hasher: Hasher,
    algorithm: Algorithm,
    offset: u64,
    limit: u64,
    received: Arc<AtomicU64>,
    /// When it could not be finished.
    failed: Option<SystemTime>,
}

/// A state of a session that it can be rolled back to.
#[derive(Clone)]
pub(crate) struct Checkpoint {
    offset: u64,
    hasher: Hasher,
}

/// The note beside a staged file: it lets the session go on after a restart.
#[derive(Serialize, Deserialize)]
struct Note {
    repository: String,
    algorithm: String,
    /// The account that began it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<i64>,
}

impl Uploads {
    /// Sessions of at most `limit` bytes each.
    pub(crate) fn new(holdings: Arc<Holdings>, limit: u64) -> Self {
        Self { holdings, limit, known: Mutex::default() }
    }

    /// Goes on with the sessions that an earlier process left. Those without bytes are ended: no client was told of them.
    pub(crate) async fn resume(&self) {
        let staged = self.holdings.list_staged().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "unfinished uploads could not be looked for");
            Vec::new()
        });
        for (id, _) in staged {
            let StageId::Upload(id) = id else { continue };
            match self.noted(id).await {
                Ok(Some(note)) => {
                    let owner = note.owner();
                    let known =
                        SessionEntry { repository: note.repository, owner, state: SessionState::OnDisk };
                    drop(self.lock().insert(id, known));
                }
                Ok(None) => self.discard(id).await,
                Err(error) => {
                    tracing::warn!(%id, %error, "the note about an unfinished upload cannot be read")
                }
            }
        }
    }

    /// The note of a session that can go on.
    async fn noted(&self, id: UploadId) -> Result<Option<Note>, Error> {
        let staged = self.holdings.staged(&StageId::Upload(id)).await.map_err(blobs_failed)?;
        let Some(staged) = staged else { return Ok(None) };
        let note = match Note::of(&staged).await {
            Err(Error::UploadUnknown) => return Ok(None),
            note => note?,
        };
        let is_empty = staged.is_empty().map_err(blobs_failed)?;
        Ok(Some(note).filter(|_| !is_empty))
    }

    /// Opens a session that survives a restart.
    pub(crate) async fn start(
        &self,
        key: &RepoKey,
        algorithm: Algorithm,
        by: Uploader,
    ) -> Result<UploadId, Error> {
        let id = self.start_unnoted(key, algorithm, by).await?;
        let account = match by {
            Uploader::Anybody => None,
            Uploader::Account(account) => Some(account),
        };
        let note = Note { repository: key.to_string(), algorithm: algorithm.name().to_owned(), account };
        let noted = match self.holdings.staged(&StageId::Upload(id)).await {
            Ok(Some(staged)) => staged.set_note(&serde_json::to_vec(&note).unwrap_or_default()).await,
            Ok(None) => Err(entrepot_blobs::Error::Closed { id: StageId::Upload(id) }),
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            self.discard(id).await;
            return Err(blobs_failed(error));
        }
        Ok(id)
    }

    /// Opens a session without a note, which a restart discards.
    pub(crate) async fn start_unnoted(
        &self,
        key: &RepoKey,
        algorithm: Algorithm,
        by: Uploader,
    ) -> Result<UploadId, Error> {
        let id = UploadId::new_v4();
        self.admit(id, key.to_string(), by)?;
        let staged = match self.holdings.stage(&StageId::Upload(id)).await {
            Ok(staged) => staged,
            Err(error) => {
                self.lock().remove(&id);
                return Err(blobs_failed(error));
            }
        };
        let start = Checkpoint { offset: 0, hasher: Hasher::new(algorithm) };
        let open = OpenSession::new(key.to_string(), staged, start, self.limit);
        let known = SessionEntry { repository: key.to_string(), owner: by, state: SessionState::Open(open) };
        self.lock().insert(id, known);
        Ok(id)
    }

    /// Counts a session against the bounds.
    ///
    /// # Errors
    /// [`Error::TooManyUploads`]
    fn admit(&self, id: UploadId, repository: String, owner: Uploader) -> Result<(), Error> {
        let mut known = self.lock();
        let of_one = known.values().filter(|known| known.repository == repository).count();
        if known.len() >= MAX_SESSIONS || of_one >= MAX_PER_REPOSITORY {
            return Err(Error::TooManyUploads);
        }
        known.insert(id, SessionEntry { repository, owner, state: SessionState::OnDisk });
        Ok(())
    }

    /// Checks that somebody may continue a session. One of somebody else is not touched.
    ///
    /// # Errors
    /// [`Error::UploadUnknown`], also if it is of another account.
    pub(crate) async fn check_owner(&self, key: &RepoKey, id: UploadId, by: Uploader) -> Result<(), Error> {
        let owner = match self.owner(id) {
            Some(owner) => owner,
            // Its note could not be read at the start.
            None => {
                self.find(key, id).await?;
                self.owner(id).ok_or(Error::UploadUnknown)?
            }
        };
        if owner == Uploader::Anybody || owner == by { Ok(()) } else { Err(Error::UploadUnknown) }
    }

    fn owner(&self, id: UploadId) -> Option<Uploader> {
        self.lock().get(&id).map(|known| known.owner)
    }

    /// The session of that name.
    ///
    /// # Errors
    /// [`Error::UploadUnknown`], also if it is of another repository.
    pub(crate) async fn find(&self, key: &RepoKey, id: UploadId) -> Result<Arc<OpenSession>, Error> {
        let open = match self.open(id) {
            Some(open) => open,
            None => self.reopen(id).await?,
        };
        if open.repository == key.to_string() { Ok(open) } else { Err(Error::UploadUnknown) }
    }

    /// Ends a session and frees its bytes.
    pub(crate) async fn end(&self, id: UploadId) -> Result<(), Error> {
        self.lock().remove(&id);
        self.holdings.discard_staged(&StageId::Upload(id)).await.map_err(blobs_failed)
    }

    /// Ends a session for which nobody waits: a failure is only logged.
    pub(crate) async fn discard(&self, id: UploadId) {
        if let Err(error) = self.end(id).await {
            tracing::warn!(%error, "what is left of an upload could not be removed");
        }
    }

    /// Ends the sessions that clients have given up, and closes the files of those that rest.
    pub(crate) async fn expire(&self, now: SystemTime) {
        for (id, modified) in self.holdings.list_staged().await.unwrap_or_default() {
            let StageId::Upload(id) = id else { continue };
            let patience = if self.is_unused(id) { UNUSED } else { IDLE };
            match now.duration_since(modified) {
                Ok(idle) if idle > patience => self.discard(id).await,
                Ok(idle) if idle > PARKED_AFTER => self.park(id),
                Ok(_) | Err(_) => {}
            }
        }
        for id in self.over(now) {
            self.discard(id).await;
        }
    }

    fn over(&self, now: SystemTime) -> Vec<UploadId> {
        let is_over =
            |known: &SessionEntry| matches!(&known.state, SessionState::Open(open) if open.is_over(now));
        self.lock().iter().filter(|(_, known)| is_over(known)).map(|(id, _)| *id).collect()
    }

    /// True until the session is ended.
    pub(crate) fn is_known(&self, id: UploadId) -> bool {
        self.lock().contains_key(&id)
    }

    fn open(&self, id: UploadId) -> Option<Arc<OpenSession>> {
        match &self.lock().get(&id)?.state {
            SessionState::Open(open) => Some(Arc::clone(open)),
            SessionState::OnDisk | SessionState::Parked(_) => None,
        }
    }

    fn is_unused(&self, id: UploadId) -> bool {
        self.lock().get(&id).is_some_and(|known| match &known.state {
            SessionState::Open(open) => open.received() == 0,
            SessionState::Parked(at) => at.offset == 0,
            SessionState::OnDisk => false,
        })
    }

    /// Closes the file of a session that nobody uses at this moment.
    fn park(&self, id: UploadId) {
        let mut all = self.lock();
        let Some(known) = all.get_mut(&id) else { return };
        let SessionState::Open(open) = &known.state else { return };
        if Arc::strong_count(open) == 1
            && let Some(at) = open.at_rest()
        {
            known.state = SessionState::Parked(Box::new(at));
        }
    }

    /// Opens the file of a session again. Only the bytes of an earlier process are hashed again.
    async fn reopen(&self, id: UploadId) -> Result<Arc<OpenSession>, Error> {
        let staged = self.holdings.staged(&StageId::Upload(id)).await.map_err(blobs_failed)?;
        let staged = staged.ok_or(Error::UploadUnknown)?;
        let (begun, at) = match self.parked(id) {
            Some(parked) => parked,
            None => {
                let note = Note::of(&staged).await?;
                let algorithm = note.algorithm.parse().map_err(|_| Error::UploadUnknown)?;
                let at = hash_staged(&staged, algorithm).await?;
                let owner = note.owner();
                (SessionEntry { repository: note.repository, owner, state: SessionState::OnDisk }, at)
            }
        };
        let open = OpenSession::new(begun.repository.clone(), staged, at, self.limit);
        let mut all = self.lock();
        let known = all.entry(id).or_insert(begun);
        if let SessionState::Open(before) = &known.state {
            return Ok(Arc::clone(before));
        }
        known.state = SessionState::Open(Arc::clone(&open));
        Ok(open)
    }

    fn parked(&self, id: UploadId) -> Option<(SessionEntry, Checkpoint)> {
        let all = self.lock();
        let SessionEntry { repository, owner, state } = all.get(&id)?;
        let known =
            SessionEntry { repository: repository.clone(), owner: *owner, state: SessionState::OnDisk };
        match state {
            SessionState::Parked(at) => Some((known, (**at).clone())),
            SessionState::OnDisk | SessionState::Open(_) => None,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<UploadId, SessionEntry>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Note {
    fn owner(&self) -> Uploader {
        self.account.map_or(Uploader::Anybody, Uploader::Account)
    }

    /// The note beside a staged file. Without one there is no session.
    async fn of(staged: &Staged) -> Result<Self, Error> {
        let note = staged.note().await.map_err(blobs_failed)?.ok_or(Error::UploadUnknown)?;
        serde_json::from_slice(&note).map_err(|_| Error::UploadUnknown)
    }
}

impl OpenSession {
    fn new(repository: String, staged: Staged, at: Checkpoint, limit: u64) -> Arc<Self> {
        let Checkpoint { offset, hasher } = at;
        let algorithm = hasher.algorithm();
        let received = Arc::new(AtomicU64::new(offset));
        let session = UploadSession {
            staged,
            hasher,
            algorithm,
            offset,
            limit,
            received: Arc::clone(&received),
            failed: None,
        };
        Arc::new(Self { repository, received, session: tokio::sync::Mutex::new(session) })
    }

    /// The number of bytes received.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Acquire)
    }

    /// True if it cannot be finished any more: nobody sends, and its file is gone or its grace is over.
    fn is_over(&self, now: SystemTime) -> bool {
        let Ok(session) = self.session.try_lock() else { return false };
        let failed = session.failed.and_then(|since| now.duration_since(since).ok());
        !session.staged.is_current() || failed.is_some_and(|age| age > FINISH_GRACE)
    }

    /// The progress of a session that nobody sends to and that may go on.
    fn at_rest(&self) -> Option<Checkpoint> {
        let session = self.session.try_lock().ok()?;
        (session.failed.is_none() && session.staged.is_current()).then(|| session.checkpoint())
    }

    /// The session's bytes, once nobody else sends.
    pub(crate) async fn lock(&self) -> tokio::sync::MutexGuard<'_, UploadSession> {
        self.session.lock().await
    }
}

impl UploadSession {
    /// The number of bytes received.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn staged(&self) -> &Staged {
        &self.staged
    }

    /// Appends a body.
    ///
    /// # Errors
    /// The chunk does not fit, and the session is as before; or the body broke off, and what came is kept.
    pub(crate) async fn append<B>(&mut self, chunk: Option<ChunkRange>, body: B) -> Result<(), Error>
    where
        B: Stream<Item = Result<Bytes, Error>> + Send + Unpin,
    {
        if chunk.is_some_and(|chunk| chunk.first != self.offset) {
            return Err(Error::ChunkOutOfOrder { offset: self.offset });
        }
        self.failed = None;
        let before = self.checkpoint();
        let room = chunk.map_or(u64::MAX, ChunkRange::length);
        if chunk.is_some() && room > self.limit.saturating_sub(self.offset) {
            return Err(Error::TooLarge { limit: self.limit });
        }
        let received = self.write_body(body, room).await;
        let fits = self.offset - before.offset == room || chunk.is_none();
        match received {
            Ok(()) if fits => Ok(()),
            Err(Error::BodyBroken) => Err(Error::BodyBroken),
            other => {
                self.roll_back(before)?;
                Err(other.err().unwrap_or(Error::SizeInvalid))
            }
        }
    }

    /// The state of the session now.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint { offset: self.offset, hasher: self.hasher.clone() }
    }

    /// Forgets what came since a checkpoint.
    pub(crate) fn roll_back(&mut self, to: Checkpoint) -> Result<(), Error> {
        (self.offset, self.hasher) = (to.offset, to.hasher);
        self.received.store(self.offset, Ordering::Release);
        self.staged.truncate(self.offset).map_err(blobs_failed)
    }

    /// The digest of the bytes received, by the algorithm of `wanted`.
    pub(crate) async fn digest(&self, wanted: &Digest) -> Result<Digest, Error> {
        if wanted.algorithm() == self.algorithm {
            return Ok(self.hasher.clone().finish());
        }
        Ok(hash_staged(&self.staged, wanted.algorithm()).await?.hasher.finish())
    }

    /// Takes back the last chunk of a session that could not be finished. It ends after [`FINISH_GRACE`], unless the client
    /// comes back.
    pub(crate) fn fail(&mut self, before: Checkpoint, now: SystemTime) -> Result<(), Error> {
        self.failed = Some(now);
        self.roll_back(before)
    }

    async fn write_body<B>(&mut self, body: B, room: u64) -> Result<(), Error>
    where
        B: Stream<Item = Result<Bytes, Error>> + Send + Unpin,
    {
        let mut batches = Batches::new(body);
        let start = self.offset;
        loop {
            match batches.next().await {
                Batch::End => return Ok(()),
                Batch::Broken(error) => return Err(error),
                Batch::Bytes(pieces) if self.offset - start + batch::length(&pieces) > room => {
                    return Err(Error::SizeInvalid);
                }
                Batch::Bytes(pieces) if self.offset + batch::length(&pieces) > self.limit => {
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

async fn hash_staged(staged: &Staged, algorithm: Algorithm) -> Result<Checkpoint, Error> {
    let staged = staged.clone();
    let hashed = tokio::task::spawn_blocking(move || {
        let (mut hasher, mut offset, mut buffer) = (Hasher::new(algorithm), 0, vec![0; READ_BACK]);
        loop {
            let read = staged.read_at(offset, &mut buffer)?;
            if read == 0 {
                return Ok(Checkpoint { offset, hasher });
            }
            hasher.update(&buffer[..read]);
            offset += read as u64;
        }
    });
    hashed.await.map_err(store_failed)?.map_err(blobs_failed)
}
