//! Keeps a link within its rate. Pure: the time is a parameter.
//!
//! Bytes are paid for when they have come: the reader waits that long before it reads on, and the peer is slowed down by the
//! windows of TCP and HTTP/2. No bytes wait in memory for their turn.

use std::time::{Duration, Instant};

use entrepot_oci::Rate;

/// Time that was not used and may be made up for: about as much as timers are late.
const CREDIT: Duration = Duration::from_millis(100);

/// How far a link's time is taken.
#[derive(Default)]
pub(crate) struct Pace {
    taken_until: Option<Instant>,
}

impl Pace {
    /// Pays for bytes that have come at `now`. Returns how long to wait before more are read.
    pub(crate) fn pay(&mut self, bytes: u64, rate: Rate, now: Instant) -> Duration {
        let earliest = now.checked_sub(CREDIT).unwrap_or(now);
        let until = self.taken_until.map_or(earliest, |taken| taken.max(earliest)) + rate.time_of(bytes);
        self.taken_until = Some(until);
        until.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate() -> Rate {
        "8Mbit/s".parse().unwrap()
    }

    #[test]
    fn what_was_not_used_is_lost_but_for_a_little() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert_eq!(pace.pay(1_000_000, rate(), now), Duration::from_millis(900));
        // Two readers share it: the second one waits for both.
        assert_eq!(pace.pay(1_000_000, rate(), now), Duration::from_millis(1900));
        let later = now + Duration::from_secs(3600);
        assert_eq!(pace.pay(1_000_000, rate(), later), Duration::from_millis(900));
    }

    proptest! {
        #[test]
        fn whoever_waits_as_told_stays_within_the_rate(
            steps in prop::collection::vec((1u64..300_000, 0u64..50), 1..200),
        ) {
            let (mut pace, began) = (Pace::default(), Instant::now());
            let (mut now, mut all) = (began, 0);
            for (bytes, late) in steps {
                all += bytes;
                now += pace.pay(bytes, rate(), now) + Duration::from_millis(late);
            }
            prop_assert!(now - began + CREDIT + Duration::from_millis(1) >= rate().time_of(all));
        }
    }
}
