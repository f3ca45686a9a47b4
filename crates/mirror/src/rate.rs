//! How fast bytes come. Pure.

use std::time::Duration;

/// What happened so long ago counts for a third of what happens now.
const WINDOW: Duration = Duration::from_secs(10);
/// Shorter times say nothing: engines tell of bytes in bursts.
const SHORTEST: Duration = Duration::from_millis(200);

/// How fast bytes come: a mean in which older times count less.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    mean: Option<f64>,
    since: Duration,
    waiting: u64,
}

impl Rate {
    /// Bytes came.
    pub fn add(&mut self, bytes: u64, now: Duration) {
        self.waiting = self.waiting.saturating_add(bytes);
        self.settle(now);
    }

    /// Bytes a second now; `None` as long as nobody can say.
    pub fn at(&mut self, now: Duration) -> Option<u64> {
        self.settle(now);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is small and not below zero"
        )]
        self.mean.map(|mean| mean.round() as u64)
    }

    fn settle(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.since);
        if passed < SHORTEST {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "nobody counts single bytes of such a number")]
        let current = self.waiting as f64 / passed.as_secs_f64();
        let weight = 1.0 - (-passed.as_secs_f64() / WINDOW.as_secs_f64()).exp();
        self.mean = Some(match self.mean {
            Some(mean) => mean + weight * (current - mean),
            None => current,
        });
        (self.since, self.waiting) = (now, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_what_happens() {
        let second = Duration::from_secs;
        let mut rate = Rate::default();
        assert_eq!(rate.at(Duration::from_millis(100)), None);
        for at in 1..=60 {
            rate.add(1000, second(at));
        }
        assert_eq!(rate.at(second(60)), Some(1000));
        // Faster now: after the window, two thirds of the way.
        for at in 61..=70 {
            rate.add(4000, second(at));
        }
        let faster = rate.at(second(70)).unwrap();
        assert!((2800..3000).contains(&faster), "{faster}");
        // Nothing comes any more.
        assert!(rate.at(second(170)).unwrap() < 2);
    }

    #[test]
    fn a_clock_that_stands_still_changes_nothing() {
        let mut rate = Rate::default();
        rate.add(u64::MAX, Duration::ZERO);
        rate.add(u64::MAX, Duration::ZERO);
        assert_eq!(rate.at(Duration::ZERO), None);
    }
}
