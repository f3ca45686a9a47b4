//! Which bytes of a download have been written.

use std::ops::Range;

/// The ranges written so far: sorted, and not touching each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WrittenRanges(Vec<Range<u64>>);

impl WrittenRanges {
    /// Adds a range that was written.
    pub(super) fn add(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let from = self.0.partition_point(|known| known.end < range.start);
        let to = self.0.partition_point(|known| known.start <= range.end);
        let merged = self.0[from..to]
            .iter()
            .fold(range, |all, known| all.start.min(known.start)..all.end.max(known.end));
        self.0.splice(from..to, [merged]);
    }

    /// The number of bytes from the start up to the first gap.
    pub(super) fn contiguous(&self) -> u64 {
        self.0.first().filter(|first| first.start == 0).map_or(0, |first| first.end)
    }

    /// The offset of the first byte from `at` on that has not been written.
    pub(super) fn end_of_run(&self, at: u64) -> u64 {
        let next = self.0.partition_point(|known| known.end <= at);
        self.0.get(next).filter(|known| known.start <= at).map_or(at, |known| known.end)
    }

    /// The ranges, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Range<u64>> {
        self.0.iter()
    }

    /// The number of bytes written.
    pub(super) fn total(&self) -> u64 {
        self.0.iter().map(|range| range.end - range.start).sum()
    }

    /// The number of bytes that are missing of `size`.
    pub(super) fn missing(&self, size: u64) -> u64 {
        size - self.total()
    }

    /// The ranges that are missing of `size` bytes.
    pub(super) fn gaps(&self, size: u64) -> Vec<Range<u64>> {
        let starts = std::iter::once(0).chain(self.0.iter().map(|range| range.end));
        let ends = self.0.iter().map(|range| range.start).chain([size]);
        starts.zip(ends).filter(|(start, end)| start < end).map(|(start, end)| start..end).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_set_of_bytes(ranges in prop::collection::vec((0u64..60, 0u64..20), 0..12)) {
            let mut written = WrittenRanges::default();
            let mut bytes = [false; 100];
            for (start, length) in ranges {
                written.add(start..start + length);
                (start..start + length).for_each(|at| bytes[at as usize] = true);
            }
            let contiguous = bytes.iter().take_while(|there| **there).count() as u64;
            prop_assert_eq!(written.contiguous(), contiguous);
            prop_assert_eq!(written.total(), bytes.iter().filter(|there| **there).count() as u64);
            for at in 0..100 {
                let run = bytes[at..].iter().take_while(|there| **there).count();
                prop_assert_eq!(written.end_of_run(at as u64), (at + run) as u64);
            }
            let gaps = written.gaps(100);
            prop_assert!(gaps.iter().all(|gap| !gap.is_empty()));
            prop_assert_eq!(written.missing(100), bytes.iter().filter(|there| !**there).count() as u64);
            for at in 0..100u64 {
                prop_assert_eq!(gaps.iter().any(|gap| gap.contains(&at)), !bytes[at as usize]);
            }
        }
    }
}
