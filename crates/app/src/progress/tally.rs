//! The progress of a run and its estimated time left. Pure: the time is passed in.

use std::time::Duration;

use entrepot_sync::CopyEvent;

/// The smoothing window for rates: short enough to show a change, long enough not to flicker.
const WINDOW: Duration = Duration::from_secs(8);

/// The time before the first estimate: connections are slow at first, and what is there already is passed over fast.
const SETTLED: Duration = Duration::from_secs(3);

/// The totals of a run so far.
#[derive(Debug)]
pub(super) struct Tally {
    jobs: usize,
    /// For each job: its size and the bytes processed, once known.
    known: Vec<Option<(u64, u64)>>,
    targets: Vec<usize>,
    /// Jobs with all targets settled.
    pub(super) settled: usize,
    /// Targets that failed.
    pub(super) failed: usize,
    /// Bytes received over the network.
    pub(super) read: u64,
    // Smoothed, in bytes per second.
    rate: f64,
    dealt_rate: f64,
    last: Sample,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    at: Duration,
    read: u64,
    dealt: u64,
}

impl Tally {
    /// A tally for jobs with these numbers of targets.
    pub(super) fn new(targets: Vec<usize>) -> Self {
        Self {
            jobs: targets.len(),
            known: vec![None; targets.len()],
            targets,
            settled: 0,
            failed: 0,
            read: 0,
            rate: 0.0,
            dealt_rate: 0.0,
            last: Sample::default(),
        }
    }

    /// Records an event.
    pub(super) fn take(&mut self, event: &CopyEvent) {
        match event {
            CopyEvent::Started { .. } => {}
            CopyEvent::Sized { job, bytes } => {
                if let Some(known) = self.known.get_mut(*job) {
                    *known = Some((*bytes, known.map_or(0, |(_, dealt)| dealt)));
                }
            }
            CopyEvent::Progress { job, bytes, read } => {
                self.read += read;
                if let Some(Some((_, dealt))) = self.known.get_mut(*job) {
                    *dealt += bytes;
                }
            }
            CopyEvent::Settled { job, row, .. } => {
                self.failed += usize::from(!matches!(row.outcome, entrepot_sync::JobOutcome::Done(_)));
                if let Some(left) = self.targets.get_mut(*job) {
                    *left = left.saturating_sub(1);
                    self.settled += usize::from(*left == 0);
                }
            }
        }
    }

    /// True if all targets of a job are settled.
    pub(super) fn is_through(&self, job: usize) -> bool {
        self.targets.get(job).is_none_or(|left| *left == 0)
    }

    /// The number of jobs.
    pub(super) fn jobs(&self) -> usize {
        self.jobs
    }

    /// Bytes processed, and total bytes known.
    pub(super) fn bytes(&self) -> (u64, u64) {
        self.known
            .iter()
            .flatten()
            .fold((0, 0), |(dealt, all), (size, done)| (dealt + done.min(size), all + size))
    }

    /// Updates the rates; `now` is the time since the run began.
    pub(super) fn tick(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.last.at);
        if passed < Duration::from_millis(50) {
            return;
        }
        let dealt = self.bytes().0;
        // Until the window is full, this is the average of all that was.
        let of_all = passed.as_secs_f64() / now.as_secs_f64();
        let weight = (1.0 - (-passed.as_secs_f64() / WINDOW.as_secs_f64()).exp()).max(of_all);
        let speed = |now: u64, before: u64| now.saturating_sub(before) as f64 / passed.as_secs_f64();
        let smooth = |old: f64, new: f64| old + weight * (new - old);
        self.rate = smooth(self.rate, speed(self.read, self.last.read));
        self.dealt_rate = smooth(self.dealt_rate, speed(dealt, self.last.dealt));
        self.last = Sample { at: now, read: self.read, dealt };
    }

    /// Bytes per second over the network.
    pub(super) fn rate(&self) -> u64 {
        self.rate as u64
    }

    /// The estimated time left; jobs of unknown size count as average ones.
    pub(super) fn left(&self) -> Option<Duration> {
        let (dealt, all) = self.bytes();
        let sized = self.known.iter().flatten().count();
        if sized == 0 || self.dealt_rate < 1.0 || self.last.at < SETTLED {
            return None;
        }
        let expected = all as f64 / sized as f64 * self.jobs as f64;
        Duration::try_from_secs_f64((expected - dealt as f64).max(0.0) / self.dealt_rate).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_judged_by_what_is_known() {
        let mut tally = Tally::new(vec![1, 1]);
        assert_eq!(tally.left(), None);
        tally.take(&CopyEvent::Sized { job: 0, bytes: 1000 });
        tally.take(&CopyEvent::Progress { job: 0, bytes: 500, read: 400 });
        tally.tick(Duration::from_secs(1));
        assert_eq!((tally.bytes(), tally.read, tally.rate()), ((500, 1000), 400, 400));
        assert_eq!(tally.left(), None);
        tally.tick(Duration::from_secs(4));
        // 500 of it, and another 1000 of a job that nobody has looked at.
        assert_eq!(tally.left(), Some(Duration::from_secs(12)));
        tally.take(&CopyEvent::Sized { job: 1, bytes: 0 });
        assert_eq!(tally.left(), Some(Duration::from_secs(4)));
    }

    #[test]
    fn a_burst_at_the_start_does_not_promise_an_early_end() {
        // Half a second at ten times the speed that follows.
        let mut tally = Tally::new(vec![1]);
        tally.take(&CopyEvent::Sized { job: 0, bytes: 10_000 });
        for (at, bytes) in [(500, 500), (1000, 50), (2000, 100), (3000, 100), (4000, 100)] {
            tally.take(&CopyEvent::Progress { job: 0, bytes, read: bytes });
            tally.tick(Duration::from_millis(at));
        }
        let left = tally.left().unwrap().as_secs();
        assert!((33..=92).contains(&left), "{left}");
    }

    #[test]
    fn a_silence_brings_the_speed_down() {
        let mut tally = Tally::new(vec![1]);
        tally.take(&CopyEvent::Sized { job: 0, bytes: 1000 });
        tally.take(&CopyEvent::Progress { job: 0, bytes: 800, read: 800 });
        tally.tick(Duration::from_secs(1));
        tally.tick(Duration::from_millis(1010));
        assert_eq!(tally.rate(), 800);
        tally.tick(Duration::from_secs(31));
        assert!(tally.rate() < 40, "{}", tally.rate());
    }
}
