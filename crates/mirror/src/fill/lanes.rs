//! Sharing a download among connections. Links across borders cap each connection, not the host.
//!
//! Pure. One lane takes all there is; if that turns out slow, the rest is cut into segments that several lanes take
//! from the front, so that a client that reads along never waits for the tail.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A download that will be over this soon is left to the lanes it has.
const SOON: Duration = Duration::from_secs(5);
/// How long a lane should be busy with one segment.
const SEGMENT_TIME: u64 = 4;
/// An upstream that gives so much, in bytes a second, is not held back by the cap of a connection; more of them would
/// only share what there is.
const FAST: u64 = 64 << 20;
/// So many bytes at a time have been waiting for us: this machine is what is slow. Measured on two busy cores: 300 KiB and
/// more; behind a cap on the connection: under 64 KiB.
const WAITING: u64 = 128 << 10;
/// What is left below this is not worth another connection.
const WORTH_SHARING: u64 = 4 << 20;
const SEGMENT_MIN: u64 = 1 << 20;
const SEGMENT_MAX: u64 = 32 << 20;

/// The work that nobody has taken yet.
pub(super) struct Work(Mutex<Left>);

struct Left {
    gaps: Vec<Range<u64>>,
    segment: u64,
}

/// A stretch that one lane works on. Its end may move towards the front while it does.
pub(super) struct Claim {
    at: AtomicU64,
    end: AtomicU64,
}

impl Claim {
    pub(super) fn at(&self) -> u64 {
        self.at.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub(super) fn advance(&self, to: u64) {
        self.at.store(to, Ordering::Release);
    }
}

impl Work {
    /// The gaps to be filled, first to last.
    pub(super) fn new(gaps: Vec<Range<u64>>) -> Self {
        Self(Mutex::new(Left { gaps, segment: u64::MAX }))
    }

    /// The frontmost stretch that is left.
    pub(super) fn claim(&self) -> Option<Arc<Claim>> {
        let mut left = self.lock();
        let segment = left.segment;
        let gap = left.gaps.first_mut()?;
        let taken = gap.start..gap.end.min(gap.start.saturating_add(segment));
        gap.start = taken.end;
        if gap.is_empty() {
            left.gaps.remove(0);
        }
        Some(Arc::new(Claim { at: AtomicU64::new(taken.start), end: AtomicU64::new(taken.end) }))
    }

    /// Cuts what is left into segments for several lanes, what `open` has not reached yet included. No segment is
    /// larger than a lane's share of the rest, and none keeps a lane busy for long.
    pub(super) fn split(&self, open: &Claim, rate: u64, share: u64) {
        let segment = rate.saturating_mul(SEGMENT_TIME).min(share).clamp(SEGMENT_MIN, SEGMENT_MAX);
        let mut left = self.lock();
        left.segment = segment;
        let end = open.end();
        let cut = open.at().saturating_add(segment);
        if cut < end {
            open.end.store(cut, Ordering::Release);
            left.gaps.insert(0, cut..end);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How fast a download is going, in bytes a second.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// What it brings itself.
    pub(super) rate: u64,
    /// What its upstream gives to all downloads together.
    pub(super) link: u64,
    /// How many bytes were there to be read at a time.
    pub(super) batch: u64,
}

impl Pace {
    /// Whether more connections may bring more: the upstream gives little, and what it gives is taken at once.
    fn is_held_back(self) -> bool {
        self.link < FAST && self.batch < WAITING
    }
}

/// How many lanes a download should have that has `remaining` bytes to go.
pub(super) fn wanted(remaining: u64, pace: Pace, running: usize, most: usize) -> usize {
    let soon = pace.rate.saturating_mul(SOON.as_secs());
    if remaining <= soon || remaining <= WORTH_SHARING || !pace.is_held_back() {
        return running;
    }
    most.max(running)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn one_lane_takes_all_until_it_is_split() {
        let work = Work::new(vec![Range { start: 0, end: 100 * MIB }]);
        let open = work.claim().unwrap();
        assert_eq!((open.at(), open.end()), (0, 100 * MIB));
        assert!(work.claim().is_none());
        open.advance(10 * MIB);
        work.split(&open, 2 * MIB, u64::MAX);
        assert_eq!(open.end(), 18 * MIB);
        let next = work.claim().unwrap();
        assert_eq!((next.at(), next.end()), (18 * MIB, 26 * MIB));
    }

    #[test]
    fn everything_is_claimed_once() {
        let work = Work::new(vec![0..5, 9..40 * MIB]);
        let first = work.claim().unwrap();
        assert_eq!((first.at(), first.end()), (0, 5));
        let open = work.claim().unwrap();
        work.split(&open, 100 * MIB, 5 * MIB);
        let mut reached = open.end();
        while let Some(claim) = work.claim() {
            assert_eq!(claim.at(), reached);
            reached = claim.end();
        }
        assert_eq!(reached, 40 * MIB);
    }

    #[test]
    fn only_slow_downloads_get_lanes() {
        let alone = |rate| Pace { rate, link: rate, batch: 0 };
        assert_eq!(wanted(1000 * MIB, alone(400 * MIB), 1, 8), 1);
        assert_eq!(wanted(100_000 * MIB, alone(64 * MIB), 1, 8), 1);
        assert_eq!(wanted(3 * MIB, alone(1), 1, 8), 1);
        assert_eq!(wanted(1000 * MIB, alone(0), 1, 8), 8);
        // Bytes that lie about unread are held back by us, and a link that others fill is not slow.
        assert_eq!(wanted(1000 * MIB, Pace { batch: WAITING, ..alone(0) }, 1, 8), 1);
        assert_eq!(wanted(1000 * MIB, Pace { link: FAST, ..alone(0) }, 1, 8), 1);
    }
}
