//! How far a run is. Pure: it is told what happened, and says how things stand.

use std::collections::BTreeMap;

use entrepot_catalog::{Copy, CopyCounts, CopyOutcome, RunCopy};
use entrepot_sync::{Event, Job, Outcome, Row};

use crate::{ImageView, Phase};

/// How many images in hand are told.
const TOLD_IMAGES: usize = 20;

/// How far a run is.
#[derive(Debug, Default)]
pub(crate) struct Live {
    phase: Phase,
    jobs: Vec<JobState>,
    wanted: u64,
    in_hand: BTreeMap<usize, InHand>,
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
struct InHand {
    bytes: u64,
    done: u64,
}

impl Live {
    /// It looks at what is there.
    pub(crate) fn looking(&mut self) {
        self.phase = Phase::Looking;
    }

    /// It is known what is to be done.
    pub(crate) fn planned(&mut self, jobs: &[Job]) {
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

    /// Copies that need nothing done, or for which nothing can be done, are settled before the others begin.
    pub(crate) fn settled_beforehand(&mut self, settled: &RunCopy) -> RunCopy {
        self.wanted += 1;
        self.counts.add(settled.outcome);
        settled.clone()
    }

    /// Something happened. What is settled by it is given back.
    pub(crate) fn happened(&mut self, event: &Event) -> Option<RunCopy> {
        match event {
            Event::Started { job } => {
                self.in_hand.entry(*job).or_default();
            }
            Event::Sized { job, bytes } => {
                let image = self.in_hand.entry(*job).or_default();
                // Said again, it counts once.
                self.bytes = self.bytes - image.bytes + bytes;
                image.bytes = *bytes;
            }
            Event::Progress { job, bytes, read } => {
                self.in_hand.entry(*job).or_default().done += bytes;
                self.done += bytes;
                self.read += read;
            }
            Event::Settled { job, row, .. } => {
                if let Some(state) = self.jobs.get_mut(*job) {
                    state.left = state.left.saturating_sub(1);
                    if state.left == 0 {
                        self.in_hand.remove(job);
                    }
                }
                return Some(self.settled(row));
            }
        }
        None
    }

    fn settled(&mut self, row: &Row) -> RunCopy {
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

    /// The images in hand, the first of them if there are many.
    pub(crate) fn images(&self) -> Vec<ImageView> {
        self.in_hand
            .iter()
            .filter_map(|(job, image)| Some((self.jobs.get(*job)?.image.clone(), image)))
            .map(|(image, InHand { bytes, done })| ImageView { image, bytes: *bytes, done: *done })
            .take(TOLD_IMAGES)
            .collect()
    }
}

fn run_copy(row: &Row) -> RunCopy {
    let (outcome, problem, hint) = match &row.outcome {
        Outcome::Done(done) if done.changed => (CopyOutcome::Copied, None, None),
        Outcome::Done(_) => (CopyOutcome::Equal, None, None),
        Outcome::Failed(failure) => (CopyOutcome::Failed, Some(failure.what.clone()), failure.hint.clone()),
        Outcome::Postponed { after } => {
            let what = match after {
                Some(after) => format!(
                    "the source's budget is used up; it is renewed in {}",
                    humantime::format_duration(std::time::Duration::from_secs(after.as_secs()))
                ),
                None => "the source's budget is used up".to_owned(),
            };
            (CopyOutcome::Postponed, Some(what), None)
        }
        Outcome::Cancelled => (CopyOutcome::Cancelled, None, None),
    };
    let (written, mounted, present) = match &row.outcome {
        Outcome::Done(done) => (done.written, done.mounted, done.present),
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
