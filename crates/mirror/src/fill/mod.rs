//! Filling: the one download of a blob that any number of clients read while it runs.
//!
//! - [`state::Fill`] is what readers see: how far the blob may be read, and the file mapping to read it from
//! - `run` performs a download: `job` is what its connections share, `connection` fetches, `segments` divides the work
//!   among connections, `writer` writes and hashes, `written_ranges` says which bytes are there, `progress_note` lets a
//!   restart go on from them
//! - no client owns a fill: it finishes also when all of them leave. Only a fill of unknown size ends when nobody waits.

mod connection;
pub(crate) mod context;
mod job;
mod progress_note;
mod run;
mod segment;
mod segments;
mod stall;
pub(crate) mod state;
mod writer;
mod written_ranges;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use entrepot_blobs::StageId;
use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::Digest;
use tracing::{Instrument as _, field::Empty, trace_span};

use crate::{
    fill::{
        context::FillContext,
        progress_note::ProgressNote,
        state::{Fill, Waiter},
    },
    memory::Memory,
    size_limit::SizeLimit,
    tasks::Tasks,
    upstream::{Upstream, Upstreams},
};

/// How long a partial file waits for somebody to ask for its blob again.
const KEPT_PARTIAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The downloads under way.
pub(crate) struct Fills {
    context: Arc<FillContext>,
    memory: Arc<Memory>,
    tasks: Tasks,
    running: Arc<RunningFills>,
}

/// Fills by digest alone: the bytes are the same whichever upstream they come from, and so is the partial file.
#[derive(Default)]
struct RunningFills(Mutex<HashMap<Digest, Arc<Fill>>>);

impl RunningFills {
    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Arc<Fill>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fills {
    pub(crate) fn new(context: FillContext, memory: Arc<Memory>, tasks: Tasks) -> Self {
        Self { context: Arc::new(context), memory, tasks, running: Arc::default() }
    }

    /// Waits for the running download of a blob, if there is one.
    pub(crate) fn running(&self, digest: &Digest) -> Option<Waiter> {
        self.running.lock().get(digest).filter(|fill| !fill.has_failed()).map(|fill| fill.waiter())
    }

    /// Joins the download of a blob or starts it. `None` if one has just ended and the blob is here, or if one from another
    /// upstream has begun. Whoever joins a download that another repository began has to know that its own has the blob.
    pub(crate) fn join(&self, upstream: &Arc<Upstream>, key: &RepoKey, digest: &Digest) -> Option<Waiter> {
        let mut running = self.running.lock();
        if let Some(fill) = running.get(digest).filter(|fill| !fill.has_failed()) {
            return fill.is_from(upstream.host()).then(|| {
                fill.add_key(key);
                fill.waiter()
            });
        }
        if self.memory.links.contains_key(&(key.clone(), *digest)) {
            return None;
        }
        let fill = Arc::new(Fill::new(*digest, key.clone()));
        let waiter = fill.waiter();
        running.insert(*digest, Arc::clone(&fill));
        drop(running);
        let ends = EndsWithTask { running: Arc::clone(&self.running), fill };
        let (context, upstream, key) = (Arc::clone(&self.context), Arc::clone(upstream), key.clone());
        let span = trace_span!(
            target: "otlp",
            "fill",
            repository = %key,
            digest = %ends.fill.digest,
            error = Empty,
        );
        let filling = async move { run::run(&context, &upstream, &key, &ends.fill).await };
        self.tasks.spawn(filling.instrument(span));
        Some(waiter)
    }

    /// The most bytes that are accepted of a blob of an upstream's repository.
    pub(crate) async fn size_limit(&self, key: &RepoKey, digest: &Digest) -> SizeLimit {
        self.context.size_limit(key, digest).await
    }

    /// Goes on with the downloads that a restart cut off; deletes what cannot be gone on with, or is not allowed any more.
    pub(crate) async fn resume(
        &self,
        upstreams: &Upstreams,
        may_go_on: impl AsyncFn(&RepoKey, &Digest) -> bool,
    ) {
        let staged = self.context.holdings.list_staged().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "unfinished downloads could not be looked for");
            Vec::new()
        });
        for (id, _) in staged {
            let StageId::Fill(digest) = id else { continue };
            let key = match self.noted_key(&digest).await {
                Ok(key) => key,
                Err(error) => {
                    tracing::warn!(%digest, %error, "the note about an unfinished download cannot be read");
                    continue;
                }
            };
            match key.as_ref().and_then(|key| Some((key, upstream_of(upstreams, key)?))) {
                Some((key, _)) if !may_go_on(key, &digest).await => {
                    tracing::info!(%key, %digest, "an unfinished download is not allowed any more, and is deleted");
                    self.context.discard(digest).await;
                }
                Some((key, upstream)) => {
                    tracing::info!(%key, %digest, "an unfinished download is taken up");
                    self.join(upstream, key, &digest);
                }
                None => self.context.discard(digest).await,
            }
        }
    }

    /// Deletes what is left of downloads that failed and that nobody has asked for since.
    pub(crate) async fn expire(&self, now: SystemTime) {
        for (id, modified) in self.context.holdings.list_staged().await.unwrap_or_default() {
            let StageId::Fill(digest) = id else { continue };
            let idle = now.duration_since(modified).is_ok_and(|idle| idle > KEPT_PARTIAL);
            if idle && self.running(&digest).is_none() {
                self.context.discard(digest).await;
            }
        }
    }

    /// The repository of a download that can go on.
    async fn noted_key(&self, digest: &Digest) -> Result<Option<RepoKey>, entrepot_blobs::Error> {
        let staged = self.context.holdings.staged(&StageId::Fill(*digest)).await?;
        let Some(staged) = staged else { return Ok(None) };
        let note = staged.note().await?;
        Ok(note.and_then(|note| ProgressNote::read(&note)?.key()))
    }
}

fn upstream_of<'a>(upstreams: &'a Upstreams, key: &RepoKey) -> Option<&'a Arc<Upstream>> {
    match &key.origin {
        Origin::Upstream(host) => upstreams.get(host).ok(),
        Origin::Hosted => None,
    }
}

/// Ends a fill when its task ends, also by a panic, so that nobody waits for ever.
struct EndsWithTask {
    running: Arc<RunningFills>,
    fill: Arc<Fill>,
}

impl Drop for EndsWithTask {
    fn drop(&mut self) {
        let mut running = self.running.lock();
        // A fill that failed may have a successor by now.
        if running.get(&self.fill.digest).is_some_and(|fill| Arc::ptr_eq(fill, &self.fill)) {
            running.remove(&self.fill.digest);
        }
        drop(running);
        self.fill.end();
    }
}
