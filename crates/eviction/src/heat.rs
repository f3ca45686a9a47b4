//! How much an image is wanted: its pulls, of which older ones count less.

use std::time::{Duration, SystemTime};

/// The time after which a pull counts half as much.
pub const HALF_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Pulls as they count at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heat {
    thousandths: u64,
    as_of: SystemTime,
}

impl Heat {
    /// The heat that was stored as [`Heat::thousandths`], as of a time.
    pub fn new(thousandths: u64, as_of: SystemTime) -> Self {
        Self { thousandths, as_of }
    }

    /// Pulls at one time.
    pub fn of_pulls(pulls: u64, at: SystemTime) -> Self {
        Self { thousandths: pulls.saturating_mul(1000), as_of: at }
    }

    /// Thousandths of a pull, for storage.
    pub fn thousandths(self) -> u64 {
        self.thousandths
    }

    /// When it has this value.
    pub fn as_of(self) -> SystemTime {
        self.as_of
    }

    /// How many pulls it is worth at a time. A clock that was set back makes nothing hotter.
    pub fn at(self, now: SystemTime) -> f64 {
        let age = now.duration_since(self.as_of).unwrap_or_default();
        let halvings = age.as_secs_f64() / HALF_LIFE.as_secs_f64();
        self.thousandths as f64 / 1000.0 * (-halvings).exp2()
    }

    /// The heat of an image that was used last at a time: at least that of one pull then.
    pub fn since_use(self, last_used: SystemTime, now: SystemTime) -> f64 {
        self.at(now).max(Self::of_pulls(1, last_used).at(now))
    }

    /// Both together, as of the later time.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let as_of = self.as_of.max(other.as_of);
        let thousandths = ((self.at(as_of) + other.at(as_of)) * 1000.0).round() as u64;
        Self { thousandths, as_of }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn pulls_count_half_with_each_half_life() {
        let start = UNIX_EPOCH + HALF_LIFE;
        let heat = Heat::of_pulls(8, start);
        assert_eq!(
            (heat.at(start), heat.at(start + HALF_LIFE), heat.at(start + 3 * HALF_LIFE)),
            (8.0, 4.0, 1.0)
        );
        let later = heat.with(Heat::of_pulls(1, start + HALF_LIFE));
        assert_eq!((later.thousandths(), later.as_of()), (5000, start + HALF_LIFE));
        assert_eq!(Heat::of_pulls(1, start + HALF_LIFE).with(heat), later, "in any order");
    }

    #[test]
    fn what_was_used_just_now_is_worth_a_pull() {
        let start = UNIX_EPOCH + HALF_LIFE;
        let heat = Heat::of_pulls(1, start);
        let later = start + HALF_LIFE;
        assert_eq!((heat.since_use(start, later), heat.since_use(later, later)), (0.5, 1.0));
        assert_eq!(Heat::of_pulls(8, start).since_use(later, later), 4.0);
    }

    // S13
    #[test]
    fn a_clock_that_is_set_back_or_far_ahead_breaks_nothing() {
        let start = UNIX_EPOCH + 1000 * HALF_LIFE;
        let heat = Heat::of_pulls(3, start);
        assert_eq!(heat.at(UNIX_EPOCH), 3.0);
        assert_eq!(Heat::new(u64::MAX, UNIX_EPOCH).at(start), u64::MAX as f64 / 1000.0 * (-1000_f64).exp2());
        assert_eq!(Heat::of_pulls(u64::MAX, start).thousandths(), u64::MAX);
    }
}
