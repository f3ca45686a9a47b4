//! When a delivery is tried again. Pure.

use std::time::Duration;

/// The waits after each attempt that failed, in minutes; about a day in all.
const WAITS: [u64; 9] = [1, 5, 15, 60, 2 * 60, 4 * 60, 5 * 60, 6 * 60, 6 * 60];

/// How long to wait after `attempts` attempts have failed; `None` if it is not tried any more. `random` spreads those that
/// failed together over a tenth of the time, and the other side may ask for more.
pub(crate) fn wait(attempts: u32, asked: Option<Duration>, random: u64) -> Option<Duration> {
    let index = usize::try_from(attempts.saturating_sub(1)).ok()?;
    let usual = Duration::from_secs(WAITS.get(index)? * 60);
    let tenth = u64::try_from(usual.as_millis() / 10).unwrap_or(u64::MAX).max(1);
    let wait = usual + Duration::from_millis(random % tenth);
    Some(asked.map_or(wait, |asked| asked.max(wait)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn waits_grow_and_end_after_a_day() {
        let waits: Vec<_> = (1..).map_while(|attempts| wait(attempts, None, 0)).collect();
        assert_eq!(waits.len(), WAITS.len());
        assert!(waits.is_sorted() && waits[0] == MINUTE);
        let all: Duration = waits.iter().sum();
        assert!(all > 24 * 60 * MINUTE && all < 26 * 60 * MINUTE, "{all:?}");
        assert_eq!(wait(u32::MAX, None, 0), None);
    }

    #[test]
    fn waits_are_spread_and_what_is_asked_for_is_heeded() {
        for random in [0, 1, 5_999, 6_000, u64::MAX] {
            let spread = wait(1, None, random).unwrap();
            assert!(spread >= MINUTE && spread < MINUTE + MINUTE / 10, "{spread:?}");
        }
        assert_ne!(wait(1, None, 1), wait(1, None, 2));
        assert_eq!(wait(1, Some(30 * MINUTE), 3), Some(30 * MINUTE));
        assert_eq!(wait(1, Some(Duration::from_secs(1)), 0), Some(MINUTE), "not sooner than usual");
    }
}
