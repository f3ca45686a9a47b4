//! Who is sent away for a while, and for how long. Pure.
//!
//! Whoever asks for more than a limit allows is slowed down or refused; only whoever goes on doing so is banned. Retries do not
//! count while one waits, and no ban becomes longer by them.

use std::time::Duration;

use serde::Deserialize;

/// The same limit counts once in such a time, however often it is met.
const ONCE_IN: Duration = Duration::from_secs(60);

/// When somebody is banned: the section as it is written, without what is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BanRule {
    /// In how many minutes a limit is met,
    pub after: u32,
    /// of so long a time.
    #[serde(with = "humantime_serde")]
    pub within: Duration,
    /// How long the first ban is; each further one is twice as long,
    #[serde(rename = "for", with = "humantime_serde")]
    pub first: Duration,
    /// up to so long.
    #[serde(rename = "up_to", with = "humantime_serde")]
    pub longest: Duration,
}

/// How often somebody met limits lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strikes {
    count: u32,
    // Whole seconds, since a table has 100,000 of these.
    began: u32,
    last: u32,
}

impl Default for BanRule {
    fn default() -> Self {
        let hour = Duration::from_secs(60 * 60);
        Self { after: 10, within: hour, first: hour, longest: hour * 24 }
    }
}

impl BanRule {
    /// Counts that a limit was met at `now`, since the start. Returns true if that is once too often; then the count begins
    /// anew.
    pub fn strike(&self, strikes: &mut Strikes, now: Duration) -> bool {
        let second = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
        let since = |then: u32| Duration::from_secs(u64::from(second.saturating_sub(then)));
        if strikes.count > 0 && since(strikes.last) < ONCE_IN {
            return false;
        }
        if strikes.count == 0 || since(strikes.began) > self.within {
            *strikes = Strikes { count: 0, began: second, last: second };
        }
        (strikes.count, strikes.last) = (strikes.count + 1, second);
        let is_banned = strikes.count >= self.after;
        if is_banned {
            *strikes = Strikes::default();
        }
        is_banned
    }

    /// How long a ban is, after so many earlier ones.
    pub fn length(&self, earlier: u32) -> Duration {
        let times = 1_u32.checked_shl(earlier).unwrap_or(u32::MAX);
        self.first.saturating_mul(times).min(self.longest.max(self.first))
    }
}

impl Strikes {
    /// How often a limit was met in the time that counts.
    pub fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;

    // operate.md rows 18, 19
    #[test]
    fn only_who_goes_on_is_banned() {
        let (rule, mut strikes) = (BanRule::default(), Strikes::default());
        let mut strike = |second| rule.strike(&mut strikes, Duration::from_secs(second));
        assert!((0..540).all(|second| !strike(second)), "nine minutes of retries are nine strikes");
        assert!(strike(540));
        assert!((541..1000).all(|second| !strike(second)), "the count began anew");
    }

    #[test]
    fn what_was_long_ago_does_not_count() {
        let (rule, mut strikes) = (BanRule::default(), Strikes::default());
        let days = (0..1000).map(|nth| nth * (HOUR / 8));
        assert!(days.clone().all(|second| !rule.strike(&mut strikes, Duration::from_secs(second))));
        assert!(strikes.count() < rule.after);
    }

    #[test]
    fn each_ban_is_twice_as_long_up_to_a_day() {
        let lengths = |rule: BanRule| [0, 1, 4, 5, 90].map(|earlier| rule.length(earlier).as_secs() / HOUR);
        assert_eq!(lengths(BanRule::default()), [1, 2, 16, 24, 24]);
        let odd = BanRule { longest: Duration::ZERO, ..BanRule::default() };
        assert_eq!(lengths(odd), [1; 5]);
    }
}
