//! Performing a fill: ask, write, verify, commit.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use entrepot_blobs::{StageId, Staged};
use entrepot_catalog::RepoKey;
use entrepot_oci::{Digest, Host};
use entrepot_remote::{
    BlobRequest, BlobStream, Endpoint, Error as RemoteError, InvalidResponse, Patience, Remote,
};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};

use super::{
    Content, Failure, Fill,
    ceiling::Ceiling,
    lanes::{self, Claim, Pace, Work},
    ledger::{Ledger, Note},
    writer::Writer,
};
use crate::{
    Error, Mirror, UpstreamFault,
    pour::{self, Batch, Batches},
    store::blobs_failed,
    upstream::blob_refused,
};

/// Attempts without a byte of progress before a lane gives up.
const ATTEMPTS: u32 = 5;
/// The pause after the first of them; it doubles.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest wait that an upstream may ask for in the middle of a download. Who wants more is asked again by the next
/// client that wants the blob.
const LIMITED: Duration = Duration::from_secs(15);
/// How often progress is noted and speed looked at.
const TICK: Duration = Duration::from_secs(1);

/// Downloads `fill`'s blob from `host` and tells its readers how it goes.
pub(super) async fn run(mirror: &Mirror, host: &Host, key: &RepoKey, fill: &Arc<Fill>) {
    let _counted = Counted::new(mirror);
    let downloaded = tokio::select! {
        downloaded = perform(mirror, host, key, fill) => downloaded,
        () = mirror.0.fills.stopping.cancelled() => Err(Failure::Refused(Error::Store)),
    };
    // What has all its bytes is kept, also when the server is stopping.
    let result = match downloaded {
        Ok((job, content)) => job.verify_and_commit(content).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = result {
        tracing::info!(%key, digest = %fill.digest, ?failure, "a download ended without its blob");
        mirror.0.metrics.fills_failed.inc();
        fill.failed(failure);
    }
}

/// Counts a fill as long as it lives.
struct Counted(Mirror);

impl Counted {
    fn new(mirror: &Mirror) -> Self {
        mirror.0.metrics.fills.inc();
        Self(mirror.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.metrics.fills.dec();
    }
}

/// What all lanes of a download share.
struct Job {
    mirror: Mirror,
    host: Host,
    key: RepoKey,
    remote: Remote,
    /// Bytes that this and all other downloads from the upstream have brought.
    brought: Arc<AtomicU64>,
    fill: Arc<Fill>,
    writer: Writer,
    /// How many batches the bytes came in since they were counted last.
    batches: AtomicU64,
    work: Work,
    /// `u64::MAX` while the upstream does not say.
    size: u64,
    ceiling: Ceiling,
    endpoints: Mutex<Vec<Endpoint>>,
}

/// Why a stretch is not there.
enum Stop {
    Upstream(RemoteError),
    /// The stream ended before the stretch did.
    Short,
    Disk(entrepot_blobs::Error),
    /// A blocking thread died.
    Died,
    /// Nobody waits for it.
    Deserted,
}

/// Brings all bytes home; whether they are the right ones is still to be seen.
async fn perform(
    mirror: &Mirror,
    host: &Host,
    key: &RepoKey,
    fill: &Arc<Fill>,
) -> Result<(Arc<Job>, Content), Failure> {
    let digest = fill.digest;
    let source = mirror.source(host).map_err(Failure::Refused)?;
    let remote = source.remote.clone();
    let (staged, before) = stage(mirror, key, &digest).await?;
    let from = before.as_ref().map_or(0, |(_, ledger)| ledger.contiguous());
    let ask = BlobRequest { from, ..BlobRequest::default() };
    let stream = match remote.blob(&key.repository, &digest, ask).await {
        Ok(stream) => stream,
        Err(error) => {
            let contradicts = contradicts(&error);
            let refused = blob_refused(host, key, &digest, error);
            // A partial file is kept for the next attempt, unless there will be nothing to attempt.
            if before.is_none() || contradicts || refused.is_an_answer() {
                discard(mirror, digest).await;
            }
            return Err(Failure::Refused(refused));
        }
    };
    let ceiling = mirror.ceiling(key, &digest).await;
    if let Err(refused) = ceiling.check(host, stream.total.unwrap_or_default()) {
        discard(mirror, digest).await;
        return Err(Failure::Refused(refused));
    }
    // A partial file of another size is of another time.
    let ledger = match before {
        Some((size, ledger)) if stream.total.is_none_or(|total| total == size) => ledger,
        _ => Ledger::default(),
    };
    let size = stream.total.unwrap_or(u64::MAX);
    // One byte beyond the ceiling tells a blob that is too long from one that is just as long as it may be.
    let work = Work::new(ledger.gaps(stream.total.unwrap_or(ceiling.bytes().saturating_add(1))));
    let job = Arc::new(Job {
        mirror: mirror.clone(),
        host: host.clone(),
        key: key.clone(),
        fill: Arc::clone(fill),
        writer: Writer::new(staged, ledger, &digest),
        batches: AtomicU64::new(0),
        endpoints: Mutex::new(vec![stream.endpoint]),
        remote,
        brought: Arc::clone(&source.brought),
        work,
        size,
        ceiling,
    });
    let content = if size == u64::MAX { job.spool(stream).await? } else { job.download(stream).await? };
    Ok((job, content))
}

/// The partial file that an earlier attempt left, with its progress, or a new one. What another upstream gave is not gone
/// on with: whoever reads sees the beginning before this one has shown that it has the rest.
async fn stage(
    mirror: &Mirror,
    key: &RepoKey,
    digest: &Digest,
) -> Result<(Staged, Option<(u64, Ledger)>), Failure> {
    let id = StageId::Fill(*digest);
    if let Ok(Some(staged)) = mirror.0.blobs.staged(&id).await
        && let Ok(Some(note)) = staged.note().await
        && let Some(note) = Note::read(&note)
        && note.key().is_some_and(|before| before.origin == key.origin)
        && let Some(progress) = note.progress()
    {
        return Ok((staged, Some(progress)));
    }
    Ok((mirror.0.blobs.stage(&id).await.map_err(no_room)?, None))
}

/// Whether the upstream has no such bytes as what we have so far says: somebody lied about the blob's size.
fn contradicts(error: &RemoteError) -> bool {
    matches!(error, RemoteError::Invalid(InvalidResponse::Range))
}

/// Throws a partial file away.
pub(super) async fn discard(mirror: &Mirror, digest: Digest) {
    if let Err(error) = mirror.0.blobs.discard(&StageId::Fill(digest)).await {
        tracing::warn!(%error, "a partial file could not be removed");
    }
}

// Whatever keeps us from writing, the client can still have its bytes.
fn no_room(error: entrepot_blobs::Error) -> Failure {
    tracing::warn!(%error, "a blob cannot be kept and is passed through");
    Failure::NoRoom
}

impl Job {
    /// Downloads a blob of known size, readable while it grows.
    async fn download(self: &Arc<Self>, stream: BlobStream) -> Result<Content, Failure> {
        let content = match self.prepare() {
            Ok(content) => content,
            Err(error) => {
                self.discard().await;
                return Err(no_room(error));
            }
        };
        self.fill.flow(content.clone());
        self.fill.reveal(self.writer.ledger().contiguous(), self.size);
        self.note().await;
        let result = self.run_lanes(stream).await;
        if let Err(stop) = result {
            self.note().await;
            return Err(self.failure(stop).await);
        }
        Ok(content)
    }

    fn prepare(&self) -> Result<Content, entrepot_blobs::Error> {
        if self.size == 0 {
            return Ok(Content { size: 0, mapping: None });
        }
        self.writer.staged().reserve(self.size)?;
        Ok(Content { size: self.size, mapping: Some(self.writer.staged().map()?) })
    }

    /// Downloads a blob whose size the upstream does not say. Readers wait for it: without a size there is nothing
    /// to map and no length to promise them. It may be without end, and so it does not go on for nobody.
    async fn spool(self: &Arc<Self>, stream: BlobStream) -> Result<Content, Failure> {
        // The one gap of a new ledger reaches to the ceiling.
        let Some(claim) = self.work.claim() else { return Err(Failure::Refused(Error::Store)) };
        let drained = tokio::select! {
            drained = self.drain(&claim, stream) => drained,
            () = self.fill.deserted() => Err(Stop::Deserted),
        };
        let failure = match drained {
            Ok(()) | Err(Stop::Short) => {
                self.ceiling.check(&self.host, claim.at()).map_err(Failure::Refused).err()
            }
            Err(stop) => Some(self.failure(stop).await),
        };
        if let Some(failure) = failure {
            self.discard().await;
            return Err(failure);
        }
        let size = claim.at();
        let mapping = if size == 0 { None } else { Some(self.writer.staged().map().map_err(no_room)?) };
        Ok(Content { size, mapping })
    }

    async fn run_lanes(self: &Arc<Self>, stream: BlobStream) -> Result<(), Stop> {
        let ranges = stream.ranges;
        let Some(open) = self.work.claim() else { return Ok(()) };
        let mut lanes = JoinSet::new();
        lanes.spawn(Arc::clone(self).lane(Some((Arc::clone(&open), stream))));
        let mut tick = tokio::time::interval_at(Instant::now() + TICK, TICK);
        // Two looks in a row would take the second for a standstill.
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = self.writer.ledger().total();
        let mut brought = self.brought.load(Ordering::Relaxed);
        let mut quiet = Quiet::new(&self.remote, before);
        loop {
            tokio::select! {
                done = lanes.join_next() => match done {
                    None => return Ok(()),
                    Some(Ok(done)) => done?,
                    Some(Err(_)) => return Err(Stop::Died),
                },
                _ = tick.tick() => {
                    let written = self.writer.ledger().total();
                    if written != before {
                        self.note().await;
                    }
                    if quiet.is_too_long(written, Instant::now()) {
                        return Err(Stop::Upstream(RemoteError::TimedOut));
                    }
                    let all = self.brought.load(Ordering::Relaxed);
                    let pace = Pace {
                        rate: (written - before) / TICK.as_secs(),
                        link: (all - brought) / TICK.as_secs(),
                        batch: (written - before) / self.batches.swap(0, Ordering::Relaxed).max(1),
                    };
                    (before, brought) = (written, all);
                    if ranges {
                        self.widen(&mut lanes, &open, pace);
                    }
                }
            }
        }
    }

    fn widen(self: &Arc<Self>, lanes: &mut JoinSet<Result<(), Stop>>, open: &Claim, pace: Pace) {
        let remaining = self.size - self.writer.ledger().total();
        let wanted = lanes::wanted(remaining, pace, lanes.len(), self.mirror.0.fills.segments);
        if wanted > lanes.len() {
            self.work.split(open, pace.rate, remaining / wanted as u64);
            for _ in lanes.len()..wanted {
                lanes.spawn(Arc::clone(self).lane(None));
            }
        }
    }

    /// Works through stretches until none is left.
    async fn lane(self: Arc<Self>, first: Option<(Arc<Claim>, BlobStream)>) -> Result<(), Stop> {
        if let Some((claim, stream)) = first {
            self.stretch(&claim, Some(stream)).await?;
        }
        while let Some(claim) = self.work.claim() {
            self.stretch(&claim, None).await?;
        }
        Ok(())
    }

    /// Brings one stretch home, over as many connections as it takes.
    async fn stretch(
        self: &Arc<Self>,
        claim: &Arc<Claim>,
        mut given: Option<BlobStream>,
    ) -> Result<(), Stop> {
        let mut failures = 0;
        let mut avoid = None;
        while claim.at() < claim.end() {
            let before = claim.at();
            let stream = match given.take() {
                Some(stream) => Ok(stream),
                None => self.ask(claim, avoid).await,
            };
            let stop = match stream {
                Ok(stream) => {
                    avoid = Some(stream.endpoint);
                    match self.drain(claim, stream).await {
                        Ok(()) => continue,
                        Err(stop) => stop,
                    }
                }
                Err(error) => Stop::Upstream(error),
            };
            failures = if claim.at() > before { 1 } else { failures + 1 };
            if failures >= ATTEMPTS || !stop.may_pass() {
                return Err(stop);
            }
            tokio::time::sleep(stop.wait().max(PAUSE * 2u32.pow(failures - 1))).await;
        }
        Ok(())
    }

    async fn ask(&self, claim: &Claim, avoid: Option<Endpoint>) -> Result<BlobStream, RemoteError> {
        let to = Some(claim.end()).filter(|end| *end < self.size);
        let ask = BlobRequest { from: claim.at(), to, avoid };
        let stream = self.remote.blob(&self.key.repository, &self.fill.digest, ask).await?;
        if stream.total.is_some_and(|total| total != self.size) {
            return Err(InvalidResponse::Range.into());
        }
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        if !endpoints.contains(&stream.endpoint) {
            endpoints.push(stream.endpoint);
        }
        Ok(stream)
    }

    /// Writes what a stream has into the stretch; the next bytes are awaited while the last are written.
    async fn drain(self: &Arc<Self>, claim: &Arc<Claim>, stream: BlobStream) -> Result<(), Stop> {
        let mut at = claim.at();
        // An upstream without ranges starts over; what we have is skipped.
        let mut skip = at.checked_sub(stream.start).ok_or(Stop::Short)?;
        let mut batches = Batches::new(stream.chunks);
        let mut writing: Option<Writing> = None;
        while at < claim.end() {
            batches.gather(landed(writing.take())).await?;
            match batches.next().await {
                Batch::Bytes(pieces) => {
                    let pieces = clip(pieces, &mut skip, claim.end().saturating_sub(at));
                    let from = at;
                    at += pour::length(&pieces);
                    self.batches.fetch_add(1, Ordering::Relaxed);
                    writing = Some(self.write(claim, from, pieces));
                }
                Batch::End => return Err(Stop::Short),
                Batch::Broken(error) => return Err(Stop::Upstream(error)),
            }
        }
        landed(writing).await
    }

    fn write(self: &Arc<Self>, claim: &Arc<Claim>, at: u64, pieces: Vec<Bytes>) -> Writing {
        let (job, claim) = (Arc::clone(self), Arc::clone(claim));
        tokio::task::spawn_blocking(move || {
            let contiguous = job.writer.write(at, &pieces)?;
            let length = pour::length(&pieces);
            job.mirror.0.metrics.bytes_fetched.inc_by(length);
            job.brought.fetch_add(length, Ordering::Relaxed);
            claim.advance(at + length);
            job.fill.reveal(contiguous, job.size);
            Ok(())
        })
    }

    /// Writes beside the partial file how far it is. Losing the note costs bytes, never correctness.
    async fn note(&self) {
        let note = Note::new(&self.key, self.size, &self.writer.ledger());
        if let Err(error) = self.writer.staged().set_note(&note.to_bytes()).await {
            tracing::debug!(%error, "progress could not be noted");
        }
    }

    async fn discard(&self) {
        discard(&self.mirror, self.fill.digest).await;
    }

    async fn failure(&self, stop: Stop) -> Failure {
        match stop {
            Stop::Upstream(error) => {
                if contradicts(&error) {
                    self.discard().await;
                }
                Failure::Refused(blob_refused(&self.host, &self.key, &self.fill.digest, error))
            }
            Stop::Short => self.invalid("it is shorter than was said"),
            Stop::Disk(error) => {
                self.discard().await;
                no_room(error)
            }
            Stop::Died => Failure::Refused(Error::Store),
            Stop::Deserted => Failure::Deserted,
        }
    }

    fn invalid(&self, why: &str) -> Failure {
        let fault = UpstreamFault::Invalid(why.to_owned());
        Failure::Refused(Error::Upstream { host: self.host.clone(), fault })
    }

    /// Holds the bytes against the digest; only then do readers get the last of them, and only then are they kept.
    async fn verify_and_commit(self: Arc<Self>, content: Content) -> Result<(), Failure> {
        let job = Arc::clone(&self);
        let actual = tokio::task::spawn_blocking(move || job.writer.finish()).await;
        let actual = actual.map_err(|_| Failure::Refused(Error::Store))?.map_err(no_room)?;
        if actual != self.fill.digest {
            self.distrust();
            self.discard().await;
            return Err(self.invalid("its content does not have the digest it was asked for by"));
        }
        let size = content.size;
        self.fill.verified(content);
        if let Err(error) = self.commit(size).await {
            tracing::warn!(key = %self.key, digest = %self.fill.digest, %error, "a blob was served but not kept");
            self.discard().await;
        }
        Ok(())
    }

    fn distrust(&self) {
        let endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        tracing::warn!(host = %self.host, digest = %self.fill.digest, "the upstream sent bytes of another digest");
        endpoints.iter().for_each(|endpoint| self.remote.distrust(*endpoint));
    }

    async fn commit(&self, size: u64) -> Result<(), Error> {
        let digest = self.fill.digest;
        let _guard = self.mirror.0.stripes.lock(&digest).await;
        self.mirror.0.blobs.commit(self.writer.staged().clone(), &digest).await.map_err(blobs_failed)?;
        for key in self.fill.links() {
            if let Err(error) = self.mirror.link(&key, &digest, size).await {
                self.mirror.take_back(&digest).await;
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Stop {
    /// Whether another attempt may do better.
    fn may_pass(&self) -> bool {
        match self {
            Self::Short => true,
            Self::Upstream(error) => {
                !matches!(error, RemoteError::NotFound | RemoteError::Denied { .. }) && self.wait() <= LIMITED
            }
            Self::Disk(_) | Self::Died | Self::Deserted => false,
        }
    }

    /// How long the upstream asked to be left alone.
    fn wait(&self) -> Duration {
        match self {
            Self::Upstream(RemoteError::Limited { retry_after }) => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }
}

/// How long a download has brought next to nothing, over all its connections. Each of them is given up by itself; this
/// ends a download that is no better with those that follow.
struct Quiet {
    patience: Duration,
    enough: u64,
    written: u64,
    /// No later than when enough came last.
    since: Instant,
    looked: Instant,
}

impl Quiet {
    fn new(remote: &Remote, written: u64) -> Self {
        let patience = remote.patience();
        // Every endpoint gets its chance.
        let endpoints = u32::try_from(remote.endpoint_count()).unwrap_or(u32::MAX);
        let now = Instant::now();
        Self {
            patience: patience.give_up.saturating_mul(endpoints),
            enough: Patience::enough(patience.idle),
            written,
            since: now,
            looked: now,
        }
    }

    fn is_too_long(&mut self, written: u64, now: Instant) -> bool {
        if written - self.written >= self.enough {
            (self.written, self.since) = (written, self.looked);
        }
        self.looked = now;
        // Half a tick, since a timer may be a hair early and the next look is a whole one away.
        now - self.since + TICK / 2 >= self.patience
    }
}

type Writing = tokio::task::JoinHandle<Result<(), entrepot_blobs::Error>>;

async fn landed(writing: Option<Writing>) -> Result<(), Stop> {
    match writing {
        Some(writing) => writing.await.map_err(|_| Stop::Died)?.map_err(Stop::Disk),
        None => Ok(()),
    }
}

/// Drops the first `skip` bytes and what is beyond `room`.
fn clip(pieces: Vec<Bytes>, skip: &mut u64, mut room: u64) -> Vec<Bytes> {
    let mut kept = Vec::with_capacity(pieces.len());
    for mut piece in pieces {
        // Neither is more than the piece's own length.
        let skipped = (*skip).min(piece.len() as u64);
        *skip -= skipped;
        let mut piece = piece.split_off(skipped as usize);
        piece.truncate(room.min(piece.len() as u64) as usize);
        room -= piece.len() as u64;
        if !piece.is_empty() {
            kept.push(piece);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_both_ends() {
        let pieces = || vec![Bytes::from_static(b"abc"), Bytes::from_static(b"def")];
        let mut skip = 4;
        assert_eq!(clip(pieces(), &mut skip, 9), vec![Bytes::from_static(b"ef")]);
        assert_eq!(skip, 0);
        assert_eq!(clip(pieces(), &mut 0, 4), vec![Bytes::from_static(b"abc"), Bytes::from_static(b"d")]);
        let mut skip = 10;
        assert!(clip(pieces(), &mut skip, 9).is_empty());
        assert_eq!(skip, 4);
    }
}
