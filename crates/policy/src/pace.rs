//! How fast the bytes of one answer go: in which pieces, and after which waits. Pure.

use std::time::Duration;

/// The slowest that an answer becomes, in bytes a second: a download that moves is not given up by its client.
pub const SLOWEST: u64 = 64 << 10;
/// How long a limit may be owed before more is refused.
pub const LONGEST_DEBT: Duration = Duration::from_secs(1);

/// The bounds of a piece, in bytes.
const SMALLEST: u64 = 64 << 10;
const LARGEST: u64 = 1 << 20;
/// So many pieces go in a second where nobody else waits, and where others do.
const ALONE: u64 = 16;
const SHARED: u64 = 512;

/// The pieces of one answer. Whoever is alone under a limit gets large ones, which cost less. Where others wait, pieces are
/// small and, at the same moment, the same for all: they take turns, and nobody waits long for theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    alone: u64,
    shared: u64,
}

impl Pace {
    /// The pace under limits of which the tightest lets so many bytes through in a second.
    pub fn new(tightest: u64) -> Self {
        let piece = |pieces: u64| (tightest / pieces).clamp(SMALLEST, LARGEST);
        Self { alone: piece(ALONE), shared: piece(SHARED) }
    }

    /// How many bytes are next, at most, where the limits owe so much already.
    pub fn piece(self, owed: Duration) -> u64 {
        if owed.is_zero() {
            return self.alone;
        }
        let left = LONGEST_DEBT.saturating_sub(owed).as_millis();
        let less = u128::from(self.shared) * left / LONGEST_DEBT.as_millis();
        u64::try_from(less).unwrap_or(SMALLEST).max(SMALLEST)
    }

    /// How long is waited after a piece for which the limits want this wait: never so long that a client gives up.
    pub fn wait(self, piece: u64, wanted: Duration) -> Duration {
        wanted.min(Duration::from_nanos(piece.saturating_mul(1_000_000_000) / SLOWEST))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bucket::Bucket;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pieces_are_large_for_who_is_alone_and_small_for_who_shares() {
        let (none, some) = (Duration::ZERO, Duration::from_millis(1));
        let pieces =
            |mib: u64| [none, some, SECOND / 2, SECOND * 9].map(|owed| Pace::new(mib << 20).piece(owed));
        assert_eq!(pieces(1000), [LARGEST, LARGEST * 999 / 1000, LARGEST / 2, SMALLEST]);
        assert_eq!(pieces(2), [128 << 10, SMALLEST, SMALLEST, SMALLEST]);
        assert_eq!(pieces(0), [SMALLEST; 4]);
        assert_eq!(Pace::new(1).wait(1000, some), some);
    }

    // operate.md row 29
    #[test]
    fn four_gibibytes_at_the_slowest_end() {
        let (pace, mut took, mut sent) = (Pace::new(1), Duration::ZERO, 0);
        while sent < 4 << 30 {
            let piece = pace.piece(Duration::MAX);
            let wait = pace.wait(piece, Duration::MAX);
            assert!(wait <= SECOND, "a client that waits for {wait:?} may give up");
            (took, sent) = (took + wait, sent + piece);
        }
        assert_eq!(took, Duration::from_secs((4 << 30) / SLOWEST));
    }

    proptest! {
        // All answers of a client share its bucket, take turns, and together keep the rate.
        #[test]
        fn answers_share_a_rate(answers in 1usize..40, mib in 3u64..200) {
            let rate = mib << 20;
            let bucket = Bucket::new(rate, SECOND, rate);
            let mut full = Duration::ZERO;
            let mut each = vec![(Pace::new(rate), Duration::ZERO, 0u64); answers];
            let end = SECOND * 20;
            loop {
                let next = each.iter_mut().min_by_key(|(_, due, _)| *due).unwrap();
                let (pace, due, sent) = next;
                let now = *due;
                if now > end {
                    break;
                }
                let piece = pace.piece(bucket.debt(full, now));
                full = bucket.charge(piece, full, now);
                *sent += piece;
                let owed = bucket.debt(full, now);
                prop_assert!(owed <= LONGEST_DEBT, "more would be refused: {owed:?}");
                *due = now + pace.wait(piece, owed) + Duration::from_micros(10);
            }
            let total: u64 = each.iter().map(|(_, _, sent)| sent).sum();
            let most = rate * 21 + answers as u64 * LARGEST;
            prop_assert!(total <= most && total >= rate * 20, "{} of {}", total, most);
            let (least, greatest) = (each.iter().map(|one| one.2).min(), each.iter().map(|one| one.2).max());
            prop_assert!(greatest.unwrap() <= 2 * least.unwrap() + 4 * LARGEST, "{least:?} {greatest:?}");
        }
    }
}
