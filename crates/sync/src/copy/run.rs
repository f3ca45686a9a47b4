//! State shared by the jobs of a run: endpoints (each opened once), known content, and the report.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entrepot_oci::{Digest, Host};
use tokio::sync::{Mutex as AsyncMutex, OnceCell, Semaphore, mpsc::UnboundedSender};

use super::{failure, limits::RunLimits, memory::Memory, reading::PIECE, weight::MAX_WEIGHT};
use crate::{
    CopyEvent, CopyFailure, CopyJob, CopyResult, JobOutcome, Place, Registries,
    endpoints::{
        Archive, EndpointError, ImageSource, Layout, LayoutWriter, RegistryConn, RepositoryRef, Sink, Tarball,
    },
};

/// State shared by the jobs of a run.
pub(super) struct CopyRun {
    pub(super) registries: Arc<dyn Registries>,
    pub(super) jobs: Vec<CopyJob>,
    pub(super) events: UnboundedSender<CopyEvent>,
    pub(super) memory: Arc<Memory>,
    /// Memory for blobs in transit, in pieces.
    pub(super) room: Arc<Semaphore>,
    /// Held while a referrers tag is updated.
    pub(super) lists: AsyncMutex<()>,
    connections: Cells<Host, Result<Arc<RegistryConn>, EndpointError>>,
    sources: Cells<Place, Result<Arc<ImageSource>, EndpointError>>,
    sinks: Cells<Place, Result<Arc<Sink>, EndpointError>>,
    /// Places where the plan found something.
    seen: HashSet<Place>,
    news: Cells<Place, bool>,
    board: Mutex<Vec<Vec<Option<CopyResult>>>>,
}

/// The result of a target.
pub(super) struct TargetResult {
    pub(super) outcome: JobOutcome,
    /// The digest at the source, if known.
    pub(super) digest: Option<Digest>,
    pub(super) took: Duration,
}

/// Values computed once and shared by all callers.
struct Cells<K, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K: Clone + Eq + Hash, V: Clone> Cells<K, V> {
    fn new() -> Self {
        Self(Mutex::default())
    }

    async fn get<F: Future<Output = V>>(&self, key: &K, find: impl FnOnce() -> F) -> V {
        let cell = Arc::clone(lock(&self.0).entry(key.clone()).or_default());
        cell.get_or_init(find).await.clone()
    }

    fn known(&self) -> Vec<(K, V)> {
        let cells = lock(&self.0);
        cells.iter().filter_map(|(key, cell)| Some((key.clone(), cell.get()?.clone()))).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic cannot leave the values inconsistent.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CopyRun {
    pub(super) fn new(
        registries: Arc<dyn Registries>,
        jobs: Vec<CopyJob>,
        limits: RunLimits,
        events: UnboundedSender<CopyEvent>,
    ) -> Self {
        let targets = jobs.iter().flat_map(|job| &job.targets);
        let seen =
            targets.filter(|target| target.before.is_some()).map(|target| target.place.clone()).collect();
        let board = jobs.iter().map(|job| vec![None; job.targets.len()]).collect();
        let pieces = (limits.memory / PIECE).clamp(MAX_WEIGHT as usize, Semaphore::MAX_PERMITS);
        Self {
            registries,
            jobs,
            events,
            memory: Arc::default(),
            room: Arc::new(Semaphore::new(pieces)),
            lists: AsyncMutex::new(()),
            connections: Cells::new(),
            sources: Cells::new(),
            sinks: Cells::new(),
            seen,
            news: Cells::new(),
            board: Mutex::new(board),
        }
    }

    async fn conn(&self, host: &Host) -> Result<Arc<RegistryConn>, EndpointError> {
        let open = || async {
            let registry =
                self.registries.registry(host).map_err(|error| EndpointError::Settings(Arc::new(error)))?;
            Ok(Arc::new(RegistryConn::new(registry)))
        };
        self.connections.get(host, open).await
    }

    /// Opens a place for reading.
    pub(super) async fn source(&self, place: &Place) -> Result<Arc<ImageSource>, EndpointError> {
        let open = || async {
            let source = match place {
                Place::Registry { host, repository } => ImageSource::Registry(
                    RepositoryRef { conn: self.conn(host).await?, repository: repository.clone() },
                    OnceCell::new(),
                ),
                Place::Layout(path) => ImageSource::Layout(Layout::open(path).await?),
                Place::OciArchive(path) => ImageSource::Archive(Archive::oci(path).await?),
                Place::DockerArchive(path) => ImageSource::Archive(Archive::docker(path).await?),
            };
            Ok(Arc::new(source))
        };
        self.sources.get(place, open).await
    }

    /// Opens a place for writing.
    pub(super) async fn sink(&self, place: &Place) -> Result<Arc<Sink>, EndpointError> {
        let open = || async {
            let sink = match place {
                Place::Registry { host, repository } => Sink::Registry(RepositoryRef {
                    conn: self.conn(host).await?,
                    repository: repository.clone(),
                }),
                Place::Layout(path) => Sink::Layout(LayoutWriter::open(path).await?),
                Place::OciArchive(path) => Sink::Archive(Box::new(Tarball::begin(path).await?)),
                Place::DockerArchive(_) => return Err(EndpointError::ReadOnly),
            };
            Ok(Arc::new(sink))
        };
        self.sinks.get(place, open).await
    }

    /// True if the place is known to have been empty before this run.
    pub(super) async fn is_new(&self, place: &Place) -> bool {
        if self.seen.contains(place) {
            return false;
        }
        let find = || async {
            match self.sink(place).await {
                Ok(sink) => sink.is_new().await,
                Err(_) => false,
            }
        };
        self.news.get(place, find).await
    }

    /// Records the result of a target.
    pub(super) fn settle(&self, job: usize, target: usize, ended: TargetResult) {
        let row = self.row(job, target, ended);
        if let Some(cell) = lock(&self.board).get_mut(job).and_then(|cells| cells.get_mut(target)) {
            *cell = Some(row.clone());
        }
        drop(self.events.send(CopyEvent::Settled { job, target, row: Box::new(row) }));
    }

    fn row(&self, job: usize, target: usize, ended: TargetResult) -> CopyResult {
        let (job, TargetResult { outcome, digest, took }) = (&self.jobs[job], ended);
        let target = &job.targets[target];
        CopyResult {
            rule: job.rule.clone(),
            source: job.source.clone(),
            reference: target.source_name.as_ref().unwrap_or(&job.reference).clone(),
            target: target.place.clone(),
            target_reference: target.reference.clone(),
            digest: digest.or(job.digest),
            outcome,
            took,
        }
    }

    /// Completes the layouts and archives. If that fails for one, all its targets fail.
    pub(super) async fn finish(&self) {
        for (place, sink) in self.sinks.known() {
            let Ok(sink) = sink else { continue };
            let Err(error) = sink.finish().await else { continue };
            for row in lock(&self.board).iter_mut().flatten().flatten() {
                if row.target == place && matches!(row.outcome, JobOutcome::Done(_)) {
                    row.outcome = JobOutcome::Failed(failure::at_place(&place, &error));
                }
            }
        }
    }

    /// The rows of the report. Targets without a result were cancelled, or their task died.
    pub(super) fn rows(&self, is_cancelled: bool) -> Vec<CopyResult> {
        let board = std::mem::take(&mut *lock(&self.board));
        let mut rows = Vec::new();
        for (job, cells) in board.into_iter().enumerate() {
            for (target, cell) in cells.into_iter().enumerate() {
                let unsettled = || match is_cancelled {
                    true => JobOutcome::Cancelled,
                    false => JobOutcome::Failed(CopyFailure {
                        what: "the copy ended unexpectedly; this is a bug in entrepot".to_owned(),
                        hint: Some("please report it".to_owned()),
                        at_source: false,
                    }),
                };
                rows.push(cell.unwrap_or_else(|| {
                    self.row(
                        job,
                        target,
                        TargetResult { outcome: unsettled(), digest: None, took: Duration::ZERO },
                    )
                }));
            }
        }
        rows
    }
}
