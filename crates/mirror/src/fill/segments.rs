//! Divides a download among connections, for links that limit each connection and not the host. Pure.
//!
//! One connection begins with everything. If it turns out slow, the rest is cut into segments that several connections take
//! from the front, so that a client that reads along does not wait for the end of the file.

use std::{
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

/// The segments that no connection has taken yet.
pub(super) struct Segments(Mutex<Left>);

struct Left {
    gaps: Vec<Range<u64>>,
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
        Self(Mutex::new(Left { gaps, size: u64::MAX }))
    }

    /// Takes the first segment that is left.
    pub(super) fn take(&self) -> Option<Arc<Segment>> {
        let mut left = self.lock();
        let size = left.size;
        let gap = left.gaps.first_mut()?;
        let taken = gap.start..gap.end.min(gap.start.saturating_add(size));
        gap.start = taken.end;
        if gap.is_empty() {
            left.gaps.remove(0);
        }
        Some(Arc::new(Segment { at: AtomicU64::new(taken.start), end: AtomicU64::new(taken.end) }))
    }

    /// Cuts what is left into segments for several connections, the rest of `open` included. No segment is larger than
    /// `share`, and none takes a connection of `rate` bytes a second long.
    pub(super) fn split(&self, open: &Segment, rate: u64, share: u64) {
        let size = rate.saturating_mul(SEGMENT_TIME).min(share).clamp(SEGMENT_MIN, SEGMENT_MAX);
        let mut left = self.lock();
        left.size = size;
        let end = open.end();
        let cut = open.at().saturating_add(size);
        if cut < end {
            open.end.store(cut, Ordering::Release);
            left.gaps.insert(0, cut..end);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn one_connection_takes_all_until_it_is_split() {
        let segments = Segments::new(vec![Range { start: 0, end: 100 * MIB }]);
        let open = segments.take().unwrap();
        assert_eq!((open.at(), open.end()), (0, 100 * MIB));
        assert!(segments.take().is_none());
        open.advance(10 * MIB);
        segments.split(&open, 2 * MIB, u64::MAX);
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
        segments.split(&open, 100 * MIB, 5 * MIB);
        let mut reached = open.end();
        while let Some(segment) = segments.take() {
            assert_eq!(segment.at(), reached);
            reached = segment.end();
        }
        assert_eq!(reached, 40 * MIB);
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
