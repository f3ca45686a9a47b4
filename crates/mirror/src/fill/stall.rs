//! Notices a download that makes next to no progress over all its connections together.

use std::time::Duration;

use tokio::time::Instant;

use crate::upstream::Upstream;

/// When a download last made progress. Each connection gives up by itself; this ends a download whose later connections are
/// no better.
pub(super) struct Stall {
    patience: Duration,
    least: u64,
    interval: Duration,
    written: u64,
    /// No later than the last progress.
    since: Instant,
    checked: Instant,
}

impl Stall {
    /// Begins with `written` bytes; it is to be checked once in each `interval`.
    pub(super) fn new(upstream: &Upstream, written: u64, interval: Duration) -> Self {
        let now = Instant::now();
        Self {
            patience: upstream.give_up_after(),
            least: upstream.least_progress(),
            interval,
            written,
            since: now,
            checked: now,
        }
    }

    /// True if the download has made no progress for too long. It has `written` bytes at `now`.
    pub(super) fn is_too_long(&mut self, written: u64, now: Instant) -> bool {
        if written - self.written >= self.least {
            (self.written, self.since) = (written, self.checked);
        }
        self.checked = now;
        // Half an interval more, since a timer may be early by a hair and the next check is a whole one away.
        now - self.since + self.interval / 2 >= self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_without_progress_has_its_patience_but_for_half_an_interval() {
        let (began, ms) = (Instant::now(), Duration::from_millis);
        let [patience, interval] = [ms(60_000), ms(500)];
        let mut stall = Stall { patience, least: 100, interval, written: 0, since: began, checked: began };
        // Too little to count.
        assert!(!stall.is_too_long(99, began + ms(59_000)));
        assert!(!stall.is_too_long(99, began + ms(59_749)));
        assert!(stall.is_too_long(99, began + ms(59_750)));
        // Enough: it was made after the check before.
        assert!(!stall.is_too_long(100, began + ms(60_000)));
        assert!(!stall.is_too_long(199, began + ms(119_499)));
        assert!(stall.is_too_long(199, began + ms(119_500)));
    }
}
