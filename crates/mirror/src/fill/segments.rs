//! Divides a download among connections, for links that limit each connection and not the host. Pure.
//!
//! One connection begins with everything. If it turns out slow, the rest is cut into segments that several connections take
//! from the front, so that a client that reads along does not wait for the end of the file.
//!
//! A range that a reader asks for far ahead, as lazy snapshotters do, is cut out of its segment and taken next. No byte is in
//! two segments.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A download that ends this soon gets no more connections.
const SOON: Duration = Duration::from_secs(5);
/// How many seconds a connection should need for one segment.
const SEGMENT_TIME: u64 = 4;
/// An upstream that sends this much, in bytes a second, does not limit connections; more of them would only share the same
/// bandwidth.
const FAST: u64 = 64 << 20;
/// If this many bytes are ready at each read, this machine is the bottleneck. Measured on two busy cores: 300 KiB and more;
/// with a limited connection: under 64 KiB.
const BACKLOG: u64 = 128 << 10;
/// Fewer bytes than this are not worth another connection.
const WORTH_SHARING: u64 = 4 << 20;
const SEGMENT_MIN: u64 = 1 << 20;
const SEGMENT_MAX: u64 = 32 << 20;
/// A connection that is this close to a range reaches it about as soon as another one that begins with it.
pub(super) const NEAR: u64 = 1 << 20;
/// Ranges asked for are widened to multiples of this, so that the parts of a blob are not too many.
const ASKED_BLOCK: u64 = 64 << 10;

/// The segments of a download.
pub(super) struct Segments(Mutex<Left>);

struct Left {
    /// Ranges that readers asked for, in their order. They are taken before the gaps.
    asked: VecDeque<Range<u64>>,
    /// What else no connection has taken yet, from first to last.
    gaps: Vec<Range<u64>>,
    /// What connections are fetching.
    open: Vec<Arc<Segment>>,
    /// The most bytes of one segment.
    size: u64,
}

/// A range that one connection fetches. Its end may move towards the front meanwhile.
pub(super) struct Segment {
    at: AtomicU64,
    end: AtomicU64,
}

impl Segment {
    /// The offset of the first byte that is not written yet.
    pub(super) fn at(&self) -> u64 {
        self.at.load(Ordering::Acquire)
    }

    /// The offset past the last byte.
    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Notes that everything before `to` is written.
    pub(super) fn advance(&self, to: u64) {
        self.at.store(to, Ordering::Release);
    }
}

impl Segments {
    /// The gaps to be filled, first to last.
    pub(super) fn new(gaps: Vec<Range<u64>>) -> Self {
        Self(Mutex::new(Left { asked: VecDeque::new(), gaps, open: Vec::new(), size: u64::MAX }))
    }

    /// Takes what a reader asked for, or else the first segment that is left.
    pub(super) fn take(&self) -> Option<Arc<Segment>> {
        let mut left = self.lock();
        left.open.retain(|open| open.at() < open.end());
        let size = left.size;
        let taken = match left.asked.front_mut() {
            Some(asked) => cut_front(asked, size),
            None => cut_front(left.gaps.first_mut()?, size),
        };
        left.asked.retain(|asked| !asked.is_empty());
        left.gaps.retain(|gap| !gap.is_empty());
        let segment = Arc::new(Segment { at: AtomicU64::new(taken.start), end: AtomicU64::new(taken.end) });
        left.open.push(Arc::clone(&segment));
        Some(segment)
    }

    /// Cuts what is left into segments for several connections, the rest of those that are open included. No segment is
    /// larger than `share`, and none takes a connection of `rate` bytes a second long.
    pub(super) fn split(&self, rate: u64, share: u64) {
        let size = rate.saturating_mul(SEGMENT_TIME).min(share).clamp(SEGMENT_MIN, SEGMENT_MAX);
        let mut left = self.lock();
        left.size = size;
        for open in left.open.clone() {
            left.cut(&open, open.at().saturating_add(size));
        }
    }

    /// Has what is missing of a range taken next, except for what a connection is about to reach.
    pub(super) fn put_first(&self, range: Range<u64>) {
        let start = range.start - range.start % ASKED_BLOCK;
        let end = range.end.checked_next_multiple_of(ASKED_BLOCK).unwrap_or(u64::MAX);
        let mut left = self.lock();
        for open in left.open.clone() {
            if open.at().saturating_add(NEAR) <= start {
                left.cut(&open, start);
            }
        }
        let gaps = std::mem::take(&mut left.gaps);
        for gap in gaps {
            let wanted = gap.start.max(start)..gap.end.min(end);
            if wanted.is_empty() {
                left.gaps.push(gap);
                continue;
            }
            let (before, after) = (gap.start..wanted.start, wanted.end..gap.end);
            left.gaps.extend([before, after].into_iter().filter(|rest| !rest.is_empty()));
            left.asked.push_back(wanted);
        }
    }

    /// The number of ranges that readers asked for and that no connection has taken.
    pub(super) fn asked(&self) -> usize {
        self.lock().asked.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The throughput of a download, as measured over the last second.
#[derive(Clone, Copy)]
pub(super) struct Throughput {
    /// Bytes a second of this download.
    pub(super) rate: u64,
    /// That of all downloads from its upstream, in bytes a second.
    pub(super) link: u64,
    /// The mean number of bytes that were ready at a read.
    pub(super) batch: u64,
}

impl Throughput {
    /// True if more connections may bring more: the upstream sends little, and what it sends is read at once.
    fn is_limited(self) -> bool {
        self.link < FAST && self.batch < BACKLOG
    }
}

/// The number of connections for a download with `remaining` bytes to go that has `running` ones.
pub(super) fn connections(remaining: u64, throughput: Throughput, running: usize, most: usize) -> usize {
    let soon = throughput.rate.saturating_mul(SOON.as_secs());
    if remaining <= soon || remaining <= WORTH_SHARING || !throughput.is_limited() {
        return running;
    }
    most.max(running)
}

impl Left {
    /// Ends a segment at `cut`, if it reaches farther, and leaves the rest to be taken.
    fn cut(&mut self, open: &Segment, cut: u64) {
        let end = open.end();
        if cut < end {
            open.end.store(cut, Ordering::Release);
            let place = self.gaps.partition_point(|gap| gap.start < cut);
            self.gaps.insert(place, cut..end);
        }
    }
}

/// Takes up to `size` bytes off the front of a range.
fn cut_front(range: &mut Range<u64>, size: u64) -> Range<u64> {
    let taken = range.start..range.end.min(range.start.saturating_add(size));
    range.start = taken.end;
    taken
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn one_connection_takes_all_until_it_is_split() {
        let segments = Segments::new(vec![Range { start: 0, end: 100 * MIB }]);
        let open = segments.take().unwrap();
        assert_eq!((open.at(), open.end()), (0, 100 * MIB));
        assert!(segments.take().is_none());
        open.advance(10 * MIB);
        segments.split(2 * MIB, u64::MAX);
        assert_eq!(open.end(), 18 * MIB);
        let next = segments.take().unwrap();
        assert_eq!((next.at(), next.end()), (18 * MIB, 26 * MIB));
    }

    #[test]
    fn everything_is_taken_once() {
        let segments = Segments::new(vec![0..5, 9..40 * MIB]);
        let first = segments.take().unwrap();
        assert_eq!((first.at(), first.end()), (0, 5));
        let open = segments.take().unwrap();
        segments.split(100 * MIB, 5 * MIB);
        let mut reached = open.end();
        while let Some(segment) = segments.take() {
            assert_eq!(segment.at(), reached);
            reached = segment.end();
        }
        assert_eq!(reached, 40 * MIB);
    }

    #[test]
    fn segments_that_are_fetched_are_forgotten() {
        let segments = Segments::new(vec![0..5, 9..20, 30..40]);
        for _ in 0..3 {
            let open = segments.take().unwrap();
            assert_eq!(segments.lock().open.len(), 1);
            open.advance(open.end());
        }
    }

    fn taken(segments: &Segments) -> Option<(u64, u64)> {
        segments.take().map(|segment| (segment.at(), segment.end()))
    }

    #[test]
    fn what_is_asked_for_far_ahead_is_taken_next_and_once() {
        let segments = Segments::new(vec![Range { start: 0, end: 100 * MIB }]);
        let open = segments.take().unwrap();
        segments.put_first(100 * MIB - 10_000..100 * MIB);
        assert_eq!((open.end(), segments.asked()), (100 * MIB - ASKED_BLOCK, 1));
        segments.put_first(40 * MIB..41 * MIB);
        segments.put_first(40 * MIB + 5..40 * MIB + 6);
        assert_eq!((open.end(), segments.asked()), (40 * MIB, 2));
        assert_eq!(taken(&segments), Some((100 * MIB - ASKED_BLOCK, 100 * MIB)));
        assert_eq!(taken(&segments), Some((40 * MIB, 41 * MIB)));
        assert_eq!(taken(&segments), Some((41 * MIB, 100 * MIB - ASKED_BLOCK)));
        assert_eq!(taken(&segments), None);
    }

    #[test]
    fn what_a_connection_is_about_to_reach_is_left_to_it() {
        let segments = Segments::new(vec![Range { start: 0, end: 100 * MIB }]);
        let open = segments.take().unwrap();
        open.advance(10 * MIB);
        segments.put_first(10 * MIB + 5..90 * MIB);
        segments.put_first(0..5);
        assert_eq!((open.end(), segments.asked()), (100 * MIB, 0));
        // A range that begins behind one connection and ends in what none has taken: the rest of it comes next.
        segments.split(MIB, u64::MAX);
        segments.put_first(10 * MIB + ASKED_BLOCK..20 * MIB);
        assert_eq!(taken(&segments), Some((14 * MIB, 18 * MIB)));
        assert_eq!(taken(&segments), Some((18 * MIB, 20 * MIB)));
        assert_eq!(taken(&segments), Some((20 * MIB, 24 * MIB)));
    }

    proptest! {
        #[test]
        fn no_byte_is_taken_twice_and_none_is_left(
            steps in prop::collection::vec((0u64..64, 1u64..64, any::<bool>()), 0..40),
        ) {
            const UNIT: u64 = 500_000;
            let segments = Segments::new(vec![Range { start: 0, end: 64 * UNIT }]);
            let mut all = Vec::new();
            for (at, length, is_split) in steps {
                all.extend(segments.take().map(|taken| (taken.at(), taken)));
                if let Some((_, open)) = all.last() {
                    open.advance(open.at().saturating_add(UNIT).min(open.end()));
                }
                if is_split {
                    segments.split(0, length * UNIT);
                }
                segments.put_first(at * UNIT..(at + length) * UNIT);
            }
            all.extend(std::iter::from_fn(|| segments.take().map(|taken| (taken.at(), taken))));
            let mut fetched: Vec<_> = all.iter().map(|(start, segment)| *start..segment.end()).collect();
            fetched.sort_by_key(|range| range.start);
            let mut reached = 0;
            for range in fetched {
                prop_assert_eq!(range.start, reached);
                reached = range.end;
            }
            prop_assert_eq!(reached, 64 * UNIT);
        }
    }

    #[test]
    fn only_slow_downloads_get_connections() {
        let alone = |rate| Throughput { rate, link: rate, batch: 0 };
        assert_eq!(connections(1000 * MIB, alone(400 * MIB), 1, 8), 1);
        assert_eq!(connections(100_000 * MIB, alone(64 * MIB), 1, 8), 1);
        assert_eq!(connections(3 * MIB, alone(1), 1, 8), 1);
        assert_eq!(connections(1000 * MIB, alone(0), 1, 8), 8);
        // Bytes that wait to be read are our own delay, and a link that other downloads fill is not slow.
        assert_eq!(connections(1000 * MIB, Throughput { batch: BACKLOG, ..alone(0) }, 1, 8), 1);
        assert_eq!(connections(1000 * MIB, Throughput { link: FAST, ..alone(0) }, 1, 8), 1);
    }
}
