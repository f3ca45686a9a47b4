//! Progress bars on a terminal: one for each image in progress, as many as fit, and one for the whole run.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use entrepot_sync::{Event, Job, Outcome};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    line::{image, line},
    tally::Tally,
};
use crate::{
    output::{counted, size},
    terminal,
};

/// Redraws per second.
const HERTZ: u8 = 10;

/// The most images with a bar at once.
const SHOWN: usize = 8;

/// The longest image name before a bar, in characters.
const NAME: usize = 48;

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
    pub(super) fn new(jobs: &[Job]) -> Self {
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

    pub(super) fn take(&mut self, event: &Event) {
        self.tally.take(event);
        match event {
            Event::Started { job } if self.images.len() < SHOWN => {
                let style = style("{prefix:48} {bar:24.cyan} {bytes:>10} / {total_bytes}");
                let bar = ProgressBar::new(0).with_style(style);
                terminal::name_bar(&bar, &self.names[*job]);
                self.images.insert(*job, self.all.insert_before(&self.whole, bar));
            }
            Event::Started { .. } => {}
            Event::Sized { job, bytes } => self.bar(*job, |bar| bar.set_length(*bytes)),
            Event::Progress { job, bytes, .. } => self.bar(*job, |bar| bar.inc(*bytes)),
            Event::Settled { job, row, .. } => {
                if let Outcome::Failed(_) | Outcome::Postponed { .. } = row.outcome {
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

fn sums(tally: &Tally) -> String {
    let (dealt, all) = tally.bytes();
    let images = counted(tally.jobs() as u64, "image");
    let failed = if tally.failed == 0 { String::new() } else { format!(", {} failed", tally.failed) };
    let left = tally.left().map_or_else(String::new, |left| format!(", {} left", clock(left)));
    let bytes = format!("{} / {}", size(dealt), size(all));
    format!("{} of {images}{failed}, {bytes}, {}/s{left}", tally.settled, size(tally.rate()))
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
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
    fn sums_read_well() {
        let mut tally = Tally::new(vec![1, 1]);
        tally.take(&Event::Sized { job: 0, bytes: 4096 });
        tally.take(&Event::Progress { job: 0, bytes: 2048, read: 1024 });
        assert_eq!(sums(&tally), "0 of 2 images, 2.0 KiB / 4.0 KiB, 0 B/s");
        tally.tick(Duration::from_secs(1));
        assert_eq!(sums(&tally), "0 of 2 images, 2.0 KiB / 4.0 KiB, 1.0 KiB/s, 0:03 left");
    }

    #[test]
    fn names_are_cut_at_their_start() {
        assert_eq!(shortened("a:1"), "a:1");
        let long = format!("{}:tag", "x".repeat(100));
        assert_eq!(shortened(&long).chars().count(), NAME);
        assert!(shortened(&long).starts_with('…') && shortened(&long).ends_with("x:tag"));
        assert_eq!(clock(Duration::from_secs(3725)), "1:02:05");
    }

    #[test]
    fn templates_can_be_read() {
        for template in ["{wide_bar:.green} {msg}", "{prefix:48} {bar:24.cyan} {bytes:>10} / {total_bytes}"] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
