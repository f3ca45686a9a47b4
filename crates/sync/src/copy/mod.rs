//! The engine: performs copies, each blob read once for all its targets.
//!
//! - [`perform`] runs jobs side by side; `run` is what they share, `memory` what they know of each other
//! - a job: `walk` (what the source has) → [`crate::shape`] (what each target wants) → `deliver`, one for each target place
//! - a blob: `blobs` (is it there? mount it?) → `shared` and `reading` (one read, checked in the stream) → `feed` and `send`
//!
//! Nothing is finished at a target before all that it names is there, and no blob before its digest is right. So whatever a
//! run leaves behind, however it ends, the next one can build on.

mod blobs;
mod bundle;
mod contents;
mod deliver;
mod failure;
mod feed;
mod job;
mod memory;
mod names;
mod progress;
mod reading;
mod run;
mod send;
mod shared;
mod walk;

use std::sync::Arc;

use tokio::{
    sync::{Semaphore, mpsc::UnboundedSender},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{Event, Job, Registries, Row};
pub use bundle::{Beside, Packed, Sealing, packed, seal};
pub use contents::contents;
use run::Run;

/// How much a run does at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Images.
    pub images: usize,
    /// Bytes of blobs on their way from a source to its targets. A blob needs one MiB of them, and half of one more for
    /// each further target, or less if it is small.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { images: 32, memory: 8 << 20 }
    }
}

/// Jobs that wait only for slow targets are still under way, but do not count as at once. There may be this many for each
/// that counts.
const LAGGARDS: usize = 8;

/// Performs jobs and gives a row for each of their targets, in their order. A target that fails costs its own rows only.
///
/// Cancelled, or dropped, it stops at once; what is half done then counts for nothing at any target.
pub async fn perform(
    registries: Arc<dyn Registries>,
    jobs: Vec<Job>,
    limits: Limits,
    cancel: CancellationToken,
    events: UnboundedSender<Event>,
) -> Vec<Row> {
    let run = Arc::new(Run::new(registries, jobs, limits, events));
    let mut tasks = JoinSet::new();
    tokio::select! {
        biased;
        () = cancel.cancelled() => tasks.shutdown().await,
        () = all(&run, limits, &mut tasks) => {}
    }
    run.rows(cancel.is_cancelled())
}

async fn all(run: &Arc<Run>, limits: Limits, tasks: &mut JoinSet<()>) {
    let images = limits.images.max(1);
    let (slots, under_way) = (Arc::new(Semaphore::new(images)), Arc::new(Semaphore::new(images * LAGGARDS)));
    for number in 0..run.jobs.len() {
        // They are never closed.
        let Ok(kept) = Arc::clone(&under_way).acquire_owned().await else { break };
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
        let run = Arc::clone(run);
        tasks.spawn(async move {
            job::work(run, number, slot).await;
            drop(kept);
        });
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
    run.finish().await;
}
