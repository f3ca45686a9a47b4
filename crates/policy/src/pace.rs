//! How fast the bytes of one answer go: in which pieces, and after which waits. Pure.

use std::time::Duration;

/// The slowest that an answer becomes, in bytes a second: a download that moves is not given up by its client.
pub const SLOWEST: u64 = 64 << 10;
/// How long a limit may be owed before more is refused.
pub const LONGEST_DEBT: Duration = Duration::from_secs(1);

/// The bounds of a piece, in bytes.
const SMALLEST: u64 = 64 << 10;
const LARGEST: u64 = 1 << 20;
/// A second has at least so many pieces, where they are not the smallest.
const PIECES: u64 = 16;
/// Pieces become smaller or larger where waits are longer or shorter.
const LONG: Duration = Duration::from_millis(100);
const SHORT: Duration = Duration::from_millis(40);

/// The pieces of one answer. Where many share a limit, pieces are small, so that each gets one often; who is alone gets large
/// ones, which cost less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    piece: u64,
    largest: u64,
}

impl Pace {
    /// The pace under limits of which the tightest lets so many bytes through in a second.
    pub fn new(tightest: u64) -> Self {
        Self { piece: SMALLEST, largest: (tightest / PIECES).clamp(SMALLEST, LARGEST) }
    }

    /// How many bytes are next, at most, where the limits owe so much already.
    pub fn piece(&self, owed: Duration) -> u64 {
        if owed > SHORT { SMALLEST } else { self.piece }
    }

    /// A piece was sent, for which the limits want this wait. Returns how long is waited: the first byte never was.
    pub fn sent(&mut self, bytes: u64, wanted: Duration) -> Duration {
        if wanted > LONG {
            self.piece = (self.piece / 2).max(SMALLEST);
        } else if wanted < SHORT {
            self.piece = (self.piece * 2).min(self.largest);
        }
        wanted.min(Duration::from_nanos(bytes.saturating_mul(1_000_000_000) / SLOWEST))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bucket::Bucket;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pieces_fit_the_waits() {
        let mut pace = Pace::new(50 << 20);
        for _ in 0..10 {
            assert_eq!(pace.sent(pace.piece(Duration::ZERO), Duration::ZERO), Duration::ZERO);
        }
        assert_eq!((pace.piece, pace.piece(LONG)), (LARGEST, SMALLEST), "where others wait, it takes little");
        assert_eq!(pace.sent(LARGEST, LONG * 2), LONG * 2);
        assert_eq!(pace.piece, LARGEST / 2);
        assert_eq!(pace.sent(LARGEST, Duration::from_millis(60)), Duration::from_millis(60));
        assert_eq!(pace.piece, LARGEST / 2, "that is neither long nor short");
        assert_eq!(Pace::new(1000).largest, SMALLEST);
    }

    // operate.md row 29
    #[test]
    fn four_gibibytes_at_the_slowest_end() {
        let (mut pace, mut took, mut sent) = (Pace::new(1), Duration::ZERO, 0);
        while sent < 4 << 30 {
            let piece = pace.piece(Duration::MAX);
            let wait = pace.sent(piece, Duration::MAX);
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
                *due = now + pace.sent(piece, owed) + Duration::from_micros(10);
            }
            let total: u64 = each.iter().map(|(_, _, sent)| sent).sum();
            let most = rate * 21 + answers as u64 * LARGEST;
            prop_assert!(total <= most && total >= rate * 20, "{} of {}", total, most);
            let (least, greatest) = (each.iter().map(|one| one.2).min(), each.iter().map(|one| one.2).max());
            prop_assert!(greatest.unwrap() <= 2 * least.unwrap() + 4 * LARGEST, "{least:?} {greatest:?}");
        }
    }
}
