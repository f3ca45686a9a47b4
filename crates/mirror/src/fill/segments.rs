//! Divides a download among connections, for networks that limit each connection and not the host, and for several links.
//! Pure: the time is a parameter.
//!
//! One connection begins with everything. If it turns out slow, the rest is cut into segments that several connections take
//! from the front, so that a client that reads along does not wait for the end of the file. Where there are several links, that
//! is done at once.
//!
//! A connection that finds nothing left takes a part of the segment that would be ready last, and all of one that gets no bytes.
//! Its connection is told, and goes on elsewhere. Who was left without a first byte gets twice the time at the next attempt.
//!
//! A range that a reader asks for far ahead, as lazy snapshotters do, is cut out of its segment and taken next. No byte is in
//! two segments.

use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::segment::{Claim, Segment};

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
/// The size of segments of which no speed is known yet.
const SEGMENT_FIRST: u64 = 8 << 20;
/// A segment that is ready this soon is left to its connection.
const WORTH_TAKING: Duration = Duration::from_secs(2);
/// Fewer bytes than this are not taken from a connection that gets some.
const TAKING_MIN: u64 = 128 << 10;
/// Ranges asked for are widened to multiples of this, so that the parts of a blob are not too many.
const ASKED_BLOCK: u64 = 64 << 10;

/// The segments of a download.
pub(super) struct Segments(Mutex<RemainingRanges>);

#[derive(Default)]
struct RemainingRanges {
    /// Ranges that readers asked for, in their order. They are taken before the gaps.
    asked: VecDeque<Range<u64>>,
    /// What else no connection has taken yet, from first to last.
    gaps: Vec<Range<u64>>,
    /// What connections are fetching.
    open: Vec<Arc<Segment>>,
    /// The most bytes of one segment, once they are split.
    size: Option<u64>,
    /// How often no first byte came of the segment that begins there.
    in_vain: HashMap<u64, u32>,
}

impl Segments {
    /// The gaps to be filled, first to last.
    pub(super) fn new(gaps: Vec<Range<u64>>) -> Self {
        Self(Mutex::new(RemainingRanges { asked: VecDeque::new(), gaps, ..RemainingRanges::default() }))
    }

    /// Takes what a reader asked for, or else the first segment that is left, or else a part of the one that would be ready
    /// last. `speed` is that of the taker, in bytes a second, if it is known.
    pub(super) fn take(&self, speed: Option<u64>, now: Instant) -> Option<Arc<Segment>> {
        let left = &mut *self.lock();
        left.open.retain(|open| !open.has_ended());
        let size = left.size.unwrap_or(u64::MAX);
        let taken = if let Some(first) = left.asked.front_mut().or(left.gaps.first_mut()) {
            cut_front(first, size)
        } else {
            left.part_of_the_last(speed, now)?
        };
        left.asked.retain(|asked| !asked.is_empty());
        left.gaps.retain(|gap| !gap.is_empty());
        let in_vain = left.in_vain.get(&taken.start).copied().unwrap_or_default();
        let segment = Arc::new(Segment::new(taken, in_vain, now));
        left.open.push(Arc::clone(&segment));
        Some(segment)
    }

    /// Takes back what connections are to fetch that get no bytes, while others do. They are told, and go on elsewhere.
    pub(super) fn take_back_silent(&self, now: Instant) {
        let mut left = self.lock();
        left.open.retain(|open| !open.has_ended());
        if !left.open.iter().any(|open| open.is_flowing(now)) {
            return;
        }
        for open in left.open.clone().iter().filter(|open| open.is_silent(now)) {
            let rest = left.take_back(open);
            left.give_back(rest);
        }
    }

    /// Whether a connection would find something to do.
    pub(super) fn have_work(&self, now: Instant) -> bool {
        let left = self.lock();
        !left.asked.is_empty() || !left.gaps.is_empty() || left.last(now).is_some()
    }

    /// Cuts what is left into segments for several connections, the rest of those that are open included. No segment is
    /// larger than `share`, and none takes a connection of `rate` bytes a second long, if that is known.
    pub(super) fn split(&self, rate: Option<u64>, share: u64) {
        let size = rate.map_or(SEGMENT_FIRST, |rate| rate.saturating_mul(SEGMENT_TIME));
        let size = size.min(share).clamp(SEGMENT_MIN, SEGMENT_MAX);
        let mut left = self.lock();
        left.size = Some(size);
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

    fn lock(&self) -> MutexGuard<'_, RemainingRanges> {
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

/// The number of connections with which a download over several links begins: enough for each link to have one while another
/// one waits for its next answer.
pub(super) fn connections_over_links(remaining: u64, links: usize, most: usize) -> usize {
    if links > 1 && remaining > WORTH_SHARING { most.max(2 * links) } else { 1 }
}

/// The number of connections for a download with `remaining` bytes to go that has `running` ones.
pub(super) fn connections(remaining: u64, throughput: Throughput, running: usize, most: usize) -> usize {
    let soon = throughput.rate.saturating_mul(SOON.as_secs());
    if remaining <= soon || remaining <= WORTH_SHARING || !throughput.is_limited() {
        return running;
    }
    most.max(running)
}

impl RemainingRanges {
    /// Ends a segment at `cut`, if it reaches farther, and leaves the rest to be taken.
    fn cut(&mut self, open: &Segment, cut: u64) {
        self.give_back(open.cut(cut));
    }

    /// Leaves a range to be taken.
    fn give_back(&mut self, range: Range<u64>) {
        if !range.is_empty() {
            let place = self.gaps.partition_point(|gap| gap.start < range.start);
            self.gaps.insert(place, range);
        }
    }

    /// Takes all that is left of a silent segment.
    fn take_back(&mut self, open: &Segment) -> Range<u64> {
        let rest = open.cut(open.start);
        if rest.start == open.start && !rest.is_empty() {
            *self.in_vain.entry(rest.start).or_default() += 1;
        }
        rest
    }

    /// Cuts a part off the segment that would be ready last: as much as the taker fetches in the time that the rest takes.
    fn part_of_the_last(&mut self, speed: Option<u64>, now: Instant) -> Option<Range<u64>> {
        let open = Arc::clone(self.last(now)?);
        if open.is_silent(now) {
            return Some(self.take_back(&open));
        }
        let Claim { claimed, end, .. } = *open.claim();
        let own = open.speed_of(claimed, now);
        let taker = speed.unwrap_or(own).max(1);
        let kept = u128::from(end - claimed) * u128::from(own) / (u128::from(own) + u128::from(taker));
        let rest = open.cut(claimed + u64::try_from(kept).unwrap_or(u64::MAX));
        (!rest.is_empty()).then_some(rest)
    }

    /// The open segment that would be ready last, if it is worth taking a part of.
    fn last(&self, now: Instant) -> Option<&Arc<Segment>> {
        let time_left = |open: &Segment| {
            let Claim { claimed, end, moved } = *open.claim();
            let left = end.saturating_sub(claimed);
            let millis = u128::from(left) * 1000 / u128::from(open.speed_of(claimed, now).max(1));
            if left > 0 && open.is_silent_since(moved, now) {
                return Some(u128::MAX);
            }
            // One that has no bytes yet is waiting for its answer.
            moved.filter(|_| left >= TAKING_MIN && millis >= WORTH_TAKING.as_millis()).map(|_| millis)
        };
        let worth = self.open.iter().filter_map(|open| Some((time_left(open)?, open)));
        worth.max_by_key(|(millis, _)| *millis).map(|(_, open)| open)
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
    use entrepot_remote::SILENCE;
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MIB: u64 = 1 << 20;

    #[test]
    fn one_connection_takes_all_until_it_is_split() {
        let segments = Segments::new(vec![Range { start: 0, end: 100 * MIB }]);
        let open = segments.take(None, now()).unwrap();
        assert_eq!((open.at(), open.end()), (0, 100 * MIB));
        assert!(segments.take(None, now()).is_none());
        come(&open, 10 * MIB);
        segments.split(Some(2 * MIB), u64::MAX);
        assert_eq!(open.end(), 18 * MIB);
        let next = segments.take(None, now()).unwrap();
        assert_eq!((next.at(), next.end()), (18 * MIB, 26 * MIB));
    }

    #[test]
    fn everything_is_taken_once() {
        let segments = Segments::new(vec![0..5, 9..40 * MIB]);
        let first = segments.take(None, now()).unwrap();
        assert_eq!((first.at(), first.end()), (0, 5));
        let open = segments.take(None, now()).unwrap();
        segments.split(Some(100 * MIB), 5 * MIB);
        let mut reached = open.end();
        while let Some(segment) = segments.take(None, now()) {
            assert_eq!(segment.at(), reached);
            reached = segment.end();
        }
        assert_eq!(reached, 40 * MIB);
    }

    #[test]
    fn segments_that_are_fetched_are_forgotten() {
        let segments = Segments::new(vec![0..5, 9..20, 30..40]);
        for _ in 0..3 {
            let open = segments.take(None, now()).unwrap();
            assert_eq!(segments.lock().open.len(), 1);
            come(&open, open.end());
        }
    }

    // Everything before `to` comes and is written.
    fn come(open: &Segment, to: u64) {
        assert_eq!(open.take(to - open.at(), now()).end, to);
        open.advance(to);
    }

    fn now() -> Instant {
        Instant::now()
    }

    fn taken(segments: &Segments) -> Option<(u64, u64)> {
        segments.take(None, now()).map(|segment| (segment.at(), segment.end()))
    }

    #[test]
    fn what_is_asked_for_far_ahead_is_taken_next_and_once() {
        let segments = Segments::new(vec![Range { start: 0, end: 100 * MIB }]);
        let open = segments.take(None, now()).unwrap();
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
        let open = segments.take(None, now()).unwrap();
        come(&open, 10 * MIB);
        segments.put_first(10 * MIB + 5..90 * MIB);
        segments.put_first(0..5);
        assert_eq!((open.end(), segments.asked()), (100 * MIB, 0));
        // A range that begins behind one connection and ends in what none has taken: the rest of it comes next.
        segments.split(Some(MIB), u64::MAX);
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
                all.extend(segments.take(None, now()).map(|taken| (taken.at(), taken)));
                if let Some((_, open)) = all.last() {
                    come(open, open.at().saturating_add(UNIT).min(open.end()));
                }
                if is_split {
                    segments.split(Some(0), length * UNIT);
                }
                segments.put_first(at * UNIT..(at + length) * UNIT);
            }
            all.extend(std::iter::from_fn(|| segments.take(None, now()).map(|taken| (taken.at(), taken))));
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

    // What one connection fetches, with so many bytes of each second.
    fn flows(open: &Segment, bytes: u64, seconds: std::ops::Range<u32>, began: Instant) {
        for second in seconds {
            let taken = open.take(bytes, began + second * SECOND);
            open.advance(taken.end);
        }
    }

    // Row 45 of research/operate.md; and a link that is slow is not taken for dead.
    #[test]
    fn who_has_nothing_left_takes_a_part_of_what_would_be_ready_last() {
        let (segments, began) = (Segments::new(vec![Range { start: 0, end: 20 * MIB }]), now());
        let (slow, fast) = {
            let open = segments.take(None, began).unwrap();
            segments.split(Some(5 * MIB / 2), u64::MAX);
            (open, segments.take(None, began).unwrap())
        };
        assert_eq!((slow.end(), fast.end()), (10 * MIB, 20 * MIB));
        // Nobody takes what has just begun.
        assert!(segments.take(None, began).is_none() && !segments.have_work(began));
        flows(&slow, MIB, 1..2, began);
        flows(&fast, 9 * MIB, 1..3, began);
        let later = began + SECOND * 3 / 2;
        assert!(fast.has_ended() && segments.have_work(later));
        let part = segments.take(Some(8 * MIB), later).unwrap();
        // The slow one goes on with what it fetches meanwhile.
        assert_eq!(part.end(), 10 * MIB);
        assert!(
            slow.end() == part.at() && slow.end() > 3 * MIB / 2 && slow.end() < 2 * MIB,
            "{}",
            slow.end()
        );
    }

    #[test]
    fn two_that_are_as_fast_share_what_is_left() {
        let (segments, began) = (Segments::new(vec![Range { start: 0, end: 100 * MIB }]), now());
        let open = segments.take(None, began).unwrap();
        flows(&open, 10 * MIB, 1..3, began);
        let part = segments.take(Some(10 * MIB), began + 2 * SECOND).unwrap();
        assert_eq!((open.end(), part.at(), part.end()), (60 * MIB, 60 * MIB, 100 * MIB));
    }

    #[test]
    fn nothing_is_taken_of_what_has_ended_however_long_ago() {
        let (segments, began) = (Segments::new(vec![Range { start: 0, end: 8 * MIB }]), now());
        let open = segments.take(None, began).unwrap();
        flows(&open, 8 * MIB, 1..2, began);
        assert!(open.has_ended());
        assert!(!segments.have_work(began + 2 * SILENCE));
        assert!(segments.take(None, began + 2 * SILENCE).is_none());
    }

    #[tokio::test]
    async fn what_falls_silent_is_taken_over_and_its_connection_is_told() {
        let (segments, began) = (Segments::new(vec![Range { start: 0, end: 8 * MIB }]), now());
        let silent = segments.take(None, began).unwrap();
        flows(&silent, MIB, 1..2, began);
        // While a batch of it is being written, that is left alone.
        assert_eq!(silent.take(5, began + SECOND), MIB..MIB + 5);
        let later = began + SECOND + SILENCE;
        assert!(!segments.have_work(later - Duration::from_millis(1)) || silent.speed(later) > 0);
        let all = segments.take(None, later).unwrap();
        assert_eq!((all.at(), all.end(), silent.end()), (MIB + 5, 8 * MIB, MIB + 5));
        silent.ended().await;
        // Without a first byte there is twice the time before it is taken over again.
        assert!(segments.take(None, later + SILENCE - Duration::from_millis(1)).is_none());
        let again = segments.take(None, later + SILENCE).unwrap();
        assert!(segments.take(None, later + 2 * SILENCE).is_none());
        assert_eq!(again.at(), MIB + 5);
        assert!(segments.take(None, later + 3 * SILENCE).is_some());
    }

    #[test]
    fn silent_segments_are_given_back_only_while_others_flow() {
        let (segments, began) = (Segments::new(vec![Range { start: 0, end: 64 * MIB }]), now());
        let silent = segments.take(None, began).unwrap();
        segments.split(Some(MIB), u64::MAX);
        let flowing = segments.take(None, began).unwrap();
        segments.take_back_silent(began + SILENCE);
        assert_eq!(silent.end(), 4 * MIB);
        flows(&flowing, 1, 2..3, began);
        segments.take_back_silent(began + SILENCE);
        assert!(silent.has_ended() && !flowing.has_ended());
        // Readers wait for the front, so that comes next.
        assert_eq!(segments.take(None, began + SILENCE).map(|one| one.at()), Some(0));
    }

    #[test]
    fn several_links_have_a_connection_and_one_more() {
        assert_eq!(connections_over_links(1000 * MIB, 6, 8), 12);
        assert_eq!(connections_over_links(1000 * MIB, 2, 8), 8);
        assert_eq!((connections_over_links(MIB, 6, 8), connections_over_links(1000 * MIB, 1, 8)), (1, 1));
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
