//! The copy engine: reads each blob once for all its targets.
//!
//! - [`perform`] runs jobs concurrently; `run` is their shared state, `memory` tracks which content is where
//! - a job: `walk` (the image at the source) → [`crate::shape`] (the form each target wants) → `deliver`, one per
//!   target place
//! - a blob: `blobs` (present? mountable?) → `shared` and `reading` (one verified read) → `blob_stream` and `send`
//!
//! A manifest is put only when everything it names is there, and a blob is committed only if its digest is right. So
//! the next run can build on whatever a run leaves behind, however it ended.

mod blob;
mod blob_stream;
mod blobs;
mod bundle;
mod contents;
mod deliver;
mod failure;
mod job;
mod limits;
mod memory;
mod names;
mod progress;
mod reading;
mod run;
mod send;
mod shared;
mod walk;
mod weight;

use std::sync::Arc;

use tokio::{
    sync::{Semaphore, mpsc::UnboundedSender},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{CopyEvent, CopyJob, CopyResult, Registries};
pub use bundle::{ArchiveFiles, PackedImage, Sealing, packed, seal};
pub use contents::contents;
pub use limits::RunLimits;
use run::CopyRun;

/// Jobs that wait only for slow targets do not count towards the limit. There may be this many for each that counts.
const LAGGARDS: usize = 8;

/// Runs jobs and returns a row for each of their targets, in order. A failed target affects only its own rows.
///
/// If cancelled or dropped, it stops at once; unfinished uploads have no effect at any target.
pub async fn perform(
    registries: Arc<dyn Registries>,
    jobs: Vec<CopyJob>,
    limits: RunLimits,
    cancel: CancellationToken,
    events: UnboundedSender<CopyEvent>,
) -> Vec<CopyResult> {
    let run = Arc::new(CopyRun::new(registries, jobs, limits, events));
    let mut tasks = JoinSet::new();
    tokio::select! {
        biased;
        () = cancel.cancelled() => tasks.shutdown().await,
        () = all(&run, limits, &mut tasks) => {}
    }
    run.rows(cancel.is_cancelled())
}

async fn all(run: &Arc<CopyRun>, limits: RunLimits, tasks: &mut JoinSet<()>) {
    let images = limits.images.max(1);
    let (slots, under_way) = (Arc::new(Semaphore::new(images)), Arc::new(Semaphore::new(images * LAGGARDS)));
    for number in 0..run.jobs.len() {
        // The semaphores are never closed.
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
