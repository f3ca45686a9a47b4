//! How fast the store is read when nobody waits for it.

use std::time::{Duration, Instant};

/// A rate that work keeps to, in bytes a second.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    began: Instant,
    rate: u64,
    done: u64,
}

impl Pace {
    /// Begins now, at `rate` bytes a second, at least one.
    pub fn new(rate: u64) -> Self {
        Self { began: Instant::now(), rate: rate.max(1), done: 0 }
    }

    /// Bytes were read. Returns how long to wait before the next ones.
    pub fn after(&mut self, bytes: u64) -> Duration {
        self.done = self.done.saturating_add(bytes);
        self.due().saturating_sub(self.began.elapsed())
    }

    /// How long everything that was read takes at this rate.
    fn due(&self) -> Duration {
        Duration::try_from_secs_f64(self.done as f64 / self.rate as f64).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_takes_as_long_as_the_rate_says() {
        let mut pace = Pace::new(1000);
        assert!(pace.after(500) <= Duration::from_millis(500));
        assert!(pace.after(3_600_000) > Duration::from_secs(3000));
        assert_eq!(pace.due(), Duration::from_millis(3_600_500));
        assert_eq!(Pace::new(0).after(0), Duration::ZERO);
        assert!(Pace::new(1).after(u64::MAX) > Duration::from_secs(1 << 40));
    }
}
