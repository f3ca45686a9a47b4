//! How far a run is. Pure: events go in, a view comes out.

use std::collections::BTreeMap;

use entrepot_catalog::{Copy, CopyCounts, CopyOutcome, RunCopy};
use entrepot_sync::{CopyEvent, CopyJob, CopyResult, JobOutcome};

use crate::view::{ImageView, Phase};

/// How many of the images being copied are shown.
const SHOWN_IMAGES: usize = 20;

/// How far a run is.
#[derive(Debug, Default)]
pub(crate) struct RunProgress {
    phase: Phase,
    jobs: Vec<JobState>,
    wanted: u64,
    copying: BTreeMap<usize, ImageProgress>,
    counts: CopyCounts,
    bytes: u64,
    done: u64,
    read: u64,
    written: u64,
}

#[derive(Debug)]
struct JobState {
    image: String,
    left: usize,
}

#[derive(Debug, Default)]
struct ImageProgress {
    bytes: u64,
    done: u64,
}

impl RunProgress {
    /// It has begun to survey what is there.
    pub(crate) fn begin(&mut self) {
        self.phase = Phase::Looking;
    }

    /// The plan is made: these jobs are to be done.
    pub(crate) fn planned(&mut self, jobs: &[CopyJob]) {
        self.phase = Phase::Copying;
        self.jobs = jobs
            .iter()
            .map(|job| JobState {
                image: format!("{}:{}", job.source, job.reference),
                left: job.targets.len(),
            })
            .collect();
        self.wanted += jobs.iter().map(|job| job.targets.len() as u64).sum::<u64>();
    }

    /// A copy was settled by the plan alone.
    pub(crate) fn settled_by_plan(&mut self, outcome: CopyOutcome) {
        self.wanted += 1;
        self.counts.add(outcome);
    }

    /// A job made progress. Returns the copy that this settled, if it did.
    pub(crate) fn advance(&mut self, event: &CopyEvent) -> Option<RunCopy> {
        match event {
            CopyEvent::Started { job } => {
                self.copying.entry(*job).or_default();
            }
            CopyEvent::Sized { job, bytes } => {
                let image = self.copying.entry(*job).or_default();
                // It may be said twice.
                self.bytes = self.bytes - image.bytes + bytes;
                image.bytes = *bytes;
            }
            CopyEvent::Progress { job, bytes, read } => {
                self.copying.entry(*job).or_default().done += bytes;
                self.done += bytes;
                self.read += read;
            }
            CopyEvent::Settled { job, row, .. } => {
                if let Some(state) = self.jobs.get_mut(*job) {
                    state.left = state.left.saturating_sub(1);
                    if state.left == 0 {
                        self.copying.remove(job);
                    }
                }
                return Some(self.settled(row));
            }
        }
        None
    }

    fn settled(&mut self, row: &CopyResult) -> RunCopy {
        let settled = run_copy(row);
        self.counts.add(settled.outcome);
        self.written += settled.written;
        settled
    }

    pub(crate) fn counts(&self) -> CopyCounts {
        self.counts
    }

    pub(crate) fn read(&self) -> u64 {
        self.read
    }

    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn wanted(&self) -> u64 {
        self.wanted
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// The images being copied, the first of them if there are many.
    pub(crate) fn images(&self) -> Vec<ImageView> {
        self.copying
            .iter()
            .filter_map(|(job, image)| Some((self.jobs.get(*job)?.image.clone(), image)))
            .map(|(image, ImageProgress { bytes, done })| ImageView { image, bytes: *bytes, done: *done })
            .take(SHOWN_IMAGES)
            .collect()
    }
}

fn run_copy(row: &CopyResult) -> RunCopy {
    let (outcome, problem, hint) = match &row.outcome {
        JobOutcome::Done(done) if done.changed => (CopyOutcome::Copied, None, None),
        JobOutcome::Done(_) => (CopyOutcome::Equal, None, None),
        JobOutcome::Failed(failure) => {
            (CopyOutcome::Failed, Some(failure.what.clone()), failure.hint.clone())
        }
        JobOutcome::Postponed { after } => {
            let what = match after {
                Some(after) => format!(
                    "the source's budget is used up; it is renewed in {}",
                    humantime::format_duration(std::time::Duration::from_secs(after.as_secs()))
                ),
                None => "the source's budget is used up".to_owned(),
            };
            (CopyOutcome::Postponed, Some(what), None)
        }
        JobOutcome::Cancelled => (CopyOutcome::Cancelled, None, None),
    };
    let (written, mounted, present) = match &row.outcome {
        JobOutcome::Done(done) => (done.written, done.mounted, done.present),
        _ => (0, 0, 0),
    };
    RunCopy {
        copy: Copy {
            source: row.source.to_string(),
            reference: row.reference.to_string(),
            target: row.target.to_string(),
            target_reference: row.target_reference.to_string(),
        },
        digest: row.digest,
        outcome,
        problem,
        hint,
        written,
        mounted,
        present,
        took: row.took,
    }
}
