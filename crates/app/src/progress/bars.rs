//! Progress bars on a terminal: one for each image in progress, as many as fit, and one for the whole run.

use std::{collections::BTreeMap, time::Instant};

use entrepot_sync::{CopyEvent, CopyJob, JobOutcome};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    line::{image, line, sums},
    tally::Tally,
};
use crate::terminal;

/// Redraws per second.
const HERTZ: u8 = 10;

/// The most images with a bar at once.
const SHOWN: usize = 8;

/// The longest image name before a bar, in characters, and the bar of an image: a line of 80 columns at most.
const NAME: usize = 36;
const IMAGE: &str = "{prefix:36} {bar:14.cyan} {bytes:>11} / {total_bytes}";

/// The bars of a run.
pub(super) struct Bars {
    all: MultiProgress,
    whole: ProgressBar,
    names: Vec<String>,
    images: BTreeMap<usize, ProgressBar>,
    tally: Tally,
    begun: Instant,
}

impl Bars {
    pub(super) fn new(jobs: &[CopyJob]) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(HERTZ));
        let whole = all.add(ProgressBar::new(0).with_style(style("{wide_bar:.green} {msg}")));
        let names = jobs.iter().map(|job| shortened(&image(&job.source, &job.reference)));
        Self {
            names: names.collect(),
            images: BTreeMap::new(),
            tally: Tally::new(jobs.iter().map(|job| job.targets.len()).collect()),
            begun: Instant::now(),
            all,
            whole,
        }
    }

    pub(super) fn take(&mut self, event: &CopyEvent) {
        self.tally.take(event);
        match event {
            CopyEvent::Started { job } if self.images.len() < SHOWN => {
                let bar = ProgressBar::new(0).with_style(style(IMAGE));
                terminal::name_bar(&bar, &self.names[*job]);
                self.images.insert(*job, self.all.insert_before(&self.whole, bar));
            }
            CopyEvent::Started { .. } => {}
            CopyEvent::Sized { job, bytes } => self.bar(*job, |bar| bar.set_length(*bytes)),
            CopyEvent::Progress { job, bytes, .. } => self.bar(*job, |bar| bar.inc(*bytes)),
            CopyEvent::Settled { job, row, .. } => {
                // A report on the same terminal tells it.
                if !terminal::is_read()
                    && let JobOutcome::Failed(_) | JobOutcome::Postponed { .. } = row.outcome
                {
                    terminal::say_above(&self.all, &line(row));
                }
                if self.tally.is_through(*job)
                    && let Some(bar) = self.images.remove(job)
                {
                    bar.finish_and_clear();
                    self.all.remove(&bar);
                }
            }
        }
        self.sum();
    }

    pub(super) fn end(self) {
        self.images.values().for_each(ProgressBar::finish_and_clear);
        self.whole.finish_and_clear();
    }

    fn bar(&self, job: usize, change: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = self.images.get(&job) {
            change(bar);
        }
    }

    fn sum(&mut self) {
        self.tally.tick(self.begun.elapsed());
        let (dealt, all) = self.tally.bytes();
        self.whole.set_length(all);
        self.whole.set_position(dealt);
        terminal::describe_bar(&self.whole, &sums(&self.tally));
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants above; an invalid one falls back to the default.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

// The end of a name is more telling than its start.
fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME {
        return name.to_owned();
    }
    let end: String = name.chars().skip(length - NAME + 1).collect();
    format!("…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_at_their_start() {
        assert_eq!(shortened("a:1"), "a:1");
        let long = format!("{}:tag", "x".repeat(100));
        assert_eq!(shortened(&long).chars().count(), NAME);
        assert!(shortened(&long).starts_with('…') && shortened(&long).ends_with("x:tag"));
    }

    #[test]
    fn templates_can_be_read() {
        for template in ["{wide_bar:.green} {msg}", IMAGE] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
