//! Performs a download: asks the upstream, fetches, verifies, commits.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entrepot_blobs::{StageId, Staged};
use entrepot_catalog::RepoKey;
use entrepot_oci::Digest;
use entrepot_remote::{BlobRequest, BlobStream, Error as RemoteError};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};
use tracing::{Instrument as _, Span};

use super::{
    context::FillContext,
    job::{FillJob, Stop, contradicts, no_space},
    progress_note::{FillProgress, ProgressNote},
    segments::{self, Segments, Throughput},
    stall::Stall,
    state::{Fill, FillContent, FillFailure, Growth},
    writer::Writer,
};
use crate::{
    error::Error, manifest_check::is_manifest_at, metrics::MirrorMetrics, room::IncomingBytes,
    upstream::Upstream,
};

/// How often progress is noted and throughput measured.
const TICK: Duration = Duration::from_secs(1);

/// Downloads the blob of `fill` for the repository that began it, and keeps its readers informed.
pub(super) async fn run(
    context: &Arc<FillContext>,
    upstream: &Arc<Upstream>,
    key: &RepoKey,
    fill: &Arc<Fill>,
) {
    let _counted = FillGauge::new(&context.metrics);
    let begun = tokio::select! {
        begun = begin(context, upstream, key, fill) => begun,
        () = context.stopping.cancelled() => Err(FillFailure::Refused(Error::Store)),
    };
    let result = match begun {
        Ok(begun) => finish(begun).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = result {
        tracing::info!(%key, digest = %fill.digest, ?failure, "a download ended without its blob");
        Span::current().record("error", format!("{failure:?}"));
        context.metrics.fills_failed.inc();
        fill.fail(failure);
    }
}

/// A download that has begun.
struct BegunFill {
    job: Arc<FillJob>,
    /// The upstream's answer; `None` if an earlier attempt has left all bytes.
    stream: Option<BlobStream>,
    began: Instant,
    /// It takes this room until it is held.
    _coming: Option<IncomingBytes>,
}

/// Fetches what is missing, verifies and commits. A blob that is complete is kept, also when the mirror is stopping.
async fn finish(begun: BegunFill) -> Result<(), FillFailure> {
    let BegunFill { job, stream, began, _coming } = begun;
    let is_whole = stream.as_ref().is_some_and(|stream| stream.start == 0);
    let content = match stream {
        Some(stream) if stream.total.is_none() => job.spool(stream).await?,
        stream => job.download(stream).await?,
    };
    if is_whole {
        job.upstream.note_rate(content.size, began.elapsed());
    }
    job.note(content.size).await;
    job.verify_and_commit(content).await
}

/// Counts a download until it is dropped.
struct FillGauge<'a>(&'a MirrorMetrics);

impl<'a> FillGauge<'a> {
    fn new(metrics: &'a MirrorMetrics) -> Self {
        metrics.fills.inc();
        Self(metrics)
    }
}

impl Drop for FillGauge<'_> {
    fn drop(&mut self) {
        self.0.fills.dec();
    }
}

/// The blob that is to be downloaded, and where it is to come from.
struct FillRequest<'a> {
    context: &'a Arc<FillContext>,
    upstream: &'a Arc<Upstream>,
    key: &'a RepoKey,
    digest: Digest,
}

/// Finds what an earlier attempt left, and asks the upstream for the rest, if there is any.
async fn begin(
    context: &Arc<FillContext>,
    upstream: &Arc<Upstream>,
    key: &RepoKey,
    fill: &Arc<Fill>,
) -> Result<BegunFill, FillFailure> {
    let digest = fill.digest;
    let wanted = FillRequest { context, upstream, key, digest };
    // Before anything is asked for, if a manifest says how large it is.
    let stated = context.holdings.stated_size(key, &digest).await;
    let mut coming = match stated {
        Some(size) => Some(context.room_for(key, &digest, size).await?),
        None => None,
    };
    let (staged, progress) = wanted.stage().await?;
    // What an earlier attempt has begun was seen to be a blob.
    if progress.is_none() && is_manifest_at(upstream, &context.holdings, key, &digest).await {
        context.discard(digest).await;
        return Err(FillFailure::Refused(Error::BlobUnknown { name: key.to_string(), digest }));
    }
    let stream = match &progress {
        Some(progress) if progress.is_complete() => {
            wanted.prove(progress).await?;
            None
        }
        progress => Some(wanted.ask(progress.as_ref()).await?),
    };
    let total = match &stream {
        Some(stream) => stream.total,
        None => progress.as_ref().map(|progress| progress.size),
    };
    let limit = context.size_limit(key, &fill.digest).await;
    if let Err(refused) = limit.check(upstream.host(), total.unwrap_or_default()) {
        context.discard(fill.digest).await;
        return Err(FillFailure::Refused(refused));
    }
    if coming.is_none() {
        coming = match context.room_for(key, &digest, total.unwrap_or_default()).await {
            Ok(coming) => Some(coming),
            Err(no_room) => {
                context.discard(digest).await;
                return Err(no_room);
            }
        };
    }
    // A partial file of another size is of no use.
    let progress = progress.filter(|progress| total.is_none_or(|total| total == progress.size));
    let written = progress.map(|progress| progress.written).unwrap_or_default();
    // One byte past the limit tells a blob that is too long from one that is just as long as it may be.
    let end = total.unwrap_or(limit.bytes().saturating_add(1));
    let job = Arc::new(FillJob {
        context: Arc::clone(context),
        upstream: Arc::clone(upstream),
        key: key.clone(),
        fill: Arc::clone(fill),
        segments: Segments::new(written.gaps(end)),
        writer: Writer::new(staged, written, &fill.digest),
        batches: AtomicU64::new(0),
        endpoints: Mutex::new(stream.iter().map(|stream| stream.endpoint).collect()),
        size: total.unwrap_or(u64::MAX),
        limit,
    });
    Ok(BegunFill { job, stream, began: Instant::now(), _coming: coming })
}

impl FillRequest<'_> {
    /// The partial file that an earlier attempt left, with its progress, or a new one. One that another upstream began is
    /// replaced: readers would see its beginning before this upstream has shown that it has the blob.
    async fn stage(&self) -> Result<(Staged, Option<FillProgress>), FillFailure> {
        let (holdings, id) = (&self.context.holdings, StageId::Fill(self.digest));
        if let Ok(Some(staged)) = holdings.staged(&id).await
            && let Ok(Some(note)) = staged.note().await
            && let Some(progress) = ProgressNote::read(&note).and_then(|note| note.progress())
            && progress.key.origin == self.key.origin
        {
            return Ok((staged, Some(progress)));
        }
        Ok((holdings.stage(&id).await.map_err(no_space)?, None))
    }

    /// All bytes are here already. The repository that they were downloaded for has shown that it has the blob; any other
    /// one has to.
    async fn prove(&self, progress: &FillProgress) -> Result<(), FillFailure> {
        if progress.key == *self.key {
            return Ok(());
        }
        self.upstream.find_blob(self.key, &self.digest).await.map(drop).map_err(FillFailure::Refused)
    }

    /// Asks for what comes after the bytes that are here.
    async fn ask(&self, progress: Option<&FillProgress>) -> Result<BlobStream, FillFailure> {
        let from = progress.map_or(0, |progress| progress.written.contiguous());
        let ask = BlobRequest { from, ..BlobRequest::default() };
        match self.upstream.open_blob(self.key, &self.digest, ask).await {
            Ok(stream) => Ok(stream),
            Err(error) => {
                let contradicts = contradicts(&error);
                let refused = self.upstream.blob_refused(self.key, &self.digest, error);
                // A partial file is kept for the next attempt, unless there will be none.
                if progress.is_none() || contradicts || refused.is_an_answer() {
                    self.context.discard(self.digest).await;
                }
                Err(FillFailure::Refused(refused))
            }
        }
    }
}

impl FillJob {
    /// Downloads a blob of known size, which can be read meanwhile. Without a stream, nothing is missing.
    async fn download(self: &Arc<Self>, stream: Option<BlobStream>) -> Result<FillContent, FillFailure> {
        let ranges = stream.as_ref().is_some_and(|stream| stream.ranges);
        let content = match self.prepare() {
            Ok(content) => content,
            Err(error) => {
                self.discard().await;
                return Err(no_space(error));
            }
        };
        self.fill.begin(content.clone(), Growth { written: self.writer.written().clone(), ranges });
        self.note(self.size).await;
        let result = match stream {
            Some(stream) => self.run_connections(stream).await,
            None => Ok(()),
        };
        if let Err(stop) = result {
            self.note(self.size).await;
            return Err(self.failure(stop).await);
        }
        Ok(content)
    }

    fn prepare(&self) -> Result<FillContent, entrepot_blobs::Error> {
        if self.size == 0 {
            return Ok(FillContent { size: 0, mapping: None });
        }
        self.writer.staged().reserve(self.size)?;
        Ok(FillContent { size: self.size, mapping: Some(self.writer.staged().map()?) })
    }

    /// Downloads a blob of unknown size. Readers wait until it is complete: without a size there is nothing to map, and no
    /// length to promise them. It may be endless, so it ends when nobody waits for it.
    async fn spool(self: &Arc<Self>, stream: BlobStream) -> Result<FillContent, FillFailure> {
        // The one segment of a new file reaches to the size limit.
        let Some(segment) = self.segments.take(None, Instant::now().into_std()) else {
            return Err(FillFailure::Refused(Error::Store));
        };
        let drained = tokio::select! {
            drained = self.drain(&segment, stream) => drained,
            () = self.fill.abandoned() => Err(Stop::Abandoned),
            () = self.context.stopping.cancelled() => Err(Stop::Stopping),
        };
        let failure = match drained {
            Ok(()) | Err(Stop::Short) => {
                self.limit.check(self.upstream.host(), segment.at()).map_err(FillFailure::Refused).err()
            }
            Err(stop) => Some(self.failure(stop).await),
        };
        if let Some(failure) = failure {
            self.discard().await;
            return Err(failure);
        }
        let size = segment.at();
        let mapping = if size == 0 { None } else { Some(self.writer.staged().map().map_err(no_space)?) };
        Ok(FillContent { size, mapping })
    }

    async fn run_connections(self: &Arc<Self>, stream: BlobStream) -> Result<(), Stop> {
        let ranges = stream.ranges;
        let Some(first) = self.segments.take(None, Instant::now().into_std()) else { return Ok(()) };
        let mut connections = JoinSet::new();
        connections.spawn(Arc::clone(self).connection(Some((first, stream))).in_current_span());
        if ranges {
            self.spread_over_links(&mut connections);
        }
        let mut tick = tokio::time::interval_at(Instant::now() + TICK, TICK);
        // Two measurements in a row would take the second for a standstill.
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = self.writer.written().total();
        let mut received = self.upstream.received();
        let mut stall = Stall::new(&self.upstream, before, TICK);
        loop {
            tokio::select! {
                () = self.context.stopping.cancelled() => return Err(Stop::Stopping),
                done = connections.join_next() => match done {
                    None => return Ok(()),
                    Some(Ok(done)) => {
                        done?;
                        self.add_connections_for_asked(&mut connections);
                    }
                    Some(Err(_)) => return Err(Stop::Panicked),
                },
                asked = self.fill.asked() => {
                    asked.into_iter().for_each(|range| self.segments.put_first(range));
                    self.add_connections_for_asked(&mut connections);
                }
                _ = tick.tick() => {
                    let written = self.writer.written().total();
                    if written != before {
                        self.note(self.size).await;
                    }
                    if stall.is_too_long(written, Instant::now()) {
                        return Err(Stop::Upstream(RemoteError::TimedOut));
                    }
                    let all = self.upstream.received();
                    let throughput = Throughput {
                        rate: (written - before) / TICK.as_secs(),
                        link: (all - received) / TICK.as_secs(),
                        batch: (written - before) / self.batches.swap(0, Ordering::Relaxed).max(1),
                    };
                    (before, received) = (written, all);
                    if ranges {
                        self.add_connections(&mut connections, throughput);
                        self.take_over(&mut connections);
                    }
                }
            }
        }
    }

    /// Begins with all links at once, where there are several.
    fn spread_over_links(self: &Arc<Self>, connections: &mut JoinSet<Result<(), Stop>>) {
        let remaining = self.writer.written().missing(self.size);
        let (links, most) = (self.upstream.links(), self.context.connections);
        let wanted = segments::connections_over_links(remaining, links, most);
        if wanted > connections.len() {
            self.segments.split(None, remaining / wanted as u64);
            for _ in connections.len()..wanted {
                connections.spawn(Arc::clone(self).connection(None));
            }
        }
    }

    /// Has what fell silent fetched by others, and what is slow shared with a connection that has nothing to do.
    fn take_over(self: &Arc<Self>, connections: &mut JoinSet<Result<(), Stop>>) {
        let (now, links) = (Instant::now().into_std(), self.upstream.links());
        self.segments.take_back_silent(now);
        // A download that one connection is enough for stays with it.
        let is_shared = links > 1 || connections.len() > 1;
        let most = self.context.connections.max(2 * links);
        if is_shared && connections.len() < most && self.segments.have_work(now) {
            connections.spawn(Arc::clone(self).connection(None));
        }
    }

    fn add_connections(
        self: &Arc<Self>,
        connections: &mut JoinSet<Result<(), Stop>>,
        throughput: Throughput,
    ) {
        let (running, most) = (connections.len(), self.context.connections);
        let remaining = self.writer.written().missing(self.size);
        let wanted = segments::connections(remaining, throughput, running, most);
        if wanted > running {
            self.segments.split(Some(throughput.rate), remaining / wanted as u64);
            for _ in running..wanted {
                connections.spawn(Arc::clone(self).connection(None).in_current_span());
            }
        }
    }

    /// Begins with the ranges that readers asked for. A second connection is allowed for them whatever the settings say:
    /// the first may be busy until the end of the blob. Where there are several, one is free soon.
    fn add_connections_for_asked(self: &Arc<Self>, connections: &mut JoinSet<Result<(), Stop>>) {
        let free = self.context.connections.max(2).saturating_sub(connections.len());
        for _ in 0..self.segments.asked().min(free) {
            connections.spawn(Arc::clone(self).connection(None).in_current_span());
        }
    }
}
