//! Byte ranges: of a download (RFC 9110 §14) and of an upload's chunk (distribution-spec, §pushing a blob in chunks).

use std::ops::Range;

/// Most ranges of one `Range` header. Podman asks for up to 1,024 chunks of a `zstd:chunked` layer at once.
pub const MAX_RANGES: usize = 1024;

/// A requested `Range`, not yet compared with a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// `bytes=first-last`, both inclusive.
    Between(u64, u64),
    /// `bytes=first-`
    From(u64),
    /// `bytes=-length`
    Last(u64),
}

/// A range that cannot be satisfied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// It starts past the end.
    #[error("the range starts past the end of the content")]
    Unsatisfiable,
    /// A chunk range that is not `first-last`.
    #[error("a chunk's range is written `first-last`")]
    Malformed,
}

impl ByteRange {
    /// Parses a `Range` header with one range. `None` means ignore it, as RFC 9110 requires for an unsupported header.
    pub fn parse(header: &str) -> Option<Self> {
        Self::read(header.trim().strip_prefix("bytes=")?)
    }

    // What stands between `bytes=` or a comma and the next comma.
    fn read(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        match (first.trim(), last.trim()) {
            ("", length) => Some(Self::Last(number(length)?)),
            (first, "") => Some(Self::From(number(first)?)),
            // RFC 9110 §14.2 allows ignoring a reversed range; it is refused here, because it selects nothing.
            (first, last) => Some(Self::Between(number(first)?, number(last)?)),
        }
    }

    /// The selected bytes of content with `size` bytes.
    ///
    /// ```
    /// use entrepot_oci::{ByteRange, RangeError};
    ///
    /// let within = |header| ByteRange::parse(header).unwrap().within(7);
    /// assert_eq!(within("bytes=2-100"), Ok(2..7));
    /// assert_eq!(within("bytes=-3"), Ok(4..7));
    /// assert_eq!(within("bytes=7-"), Err(RangeError::Unsatisfiable));
    /// assert_eq!(ByteRange::parse("bytes=0-1,4-5"), None);
    /// ```
    ///
    /// # Errors
    /// [`RangeError::Unsatisfiable`] if it selects none.
    ///
    /// ```
    /// use entrepot_oci::{ByteRange, RangeError};
    ///
    /// let range = ByteRange::parse("bytes=-100").unwrap();
    /// assert_eq!(range.within(1000), Ok(900..1000));
    /// assert_eq!(ByteRange::From(1000).within(1000), Err(RangeError::Unsatisfiable));
    /// ```
    pub fn within(self, size: u64) -> Result<Range<u64>, RangeError> {
        let range = match self {
            Self::Between(first, last) => first..last.saturating_add(1).min(size),
            Self::From(first) => first..size,
            Self::Last(length) => size.saturating_sub(length)..size,
        };
        if range.start < range.end { Ok(range) } else { Err(RangeError::Unsatisfiable) }
    }
}

/// All ranges of one `Range` header, in their order; there is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteRanges(Vec<ByteRange>);

impl ByteRanges {
    /// Parses a `Range` header. `None` means ignore it: an unsupported unit, a malformed range, or more than
    /// [`MAX_RANGES`].
    pub fn parse(header: &str) -> Option<Self> {
        let list = header.trim().strip_prefix("bytes=")?;
        // RFC 9110 §5.6.1: empty elements of a list are ignored.
        let elements = list.split(',').map(str::trim).filter(|element| !element.is_empty());
        let ranges: Vec<_> = elements.take(MAX_RANGES + 1).map(ByteRange::read).collect::<Option<_>>()?;
        (1..=MAX_RANGES).contains(&ranges.len()).then_some(Self(ranges))
    }

    /// The selected bytes of content with `size` bytes, in the order of the header: all the ranges that can be satisfied.
    /// `None` means ignore the header: the ranges overlap, or select more bytes than there are (RFC 9110 §14.2).
    ///
    /// ```
    /// use entrepot_oci::ByteRanges;
    ///
    /// let ranges = ByteRanges::parse("bytes=0-1, -1, 10-").unwrap();
    /// assert_eq!(ranges.within(7), Ok(Some(vec![0..2, 6..7])));
    /// assert_eq!(ByteRanges::parse("bytes=0-5,0-5").unwrap().within(7), Ok(None));
    /// ```
    ///
    /// # Errors
    /// [`RangeError::Unsatisfiable`] if none can be satisfied.
    pub fn within(&self, size: u64) -> Result<Option<Vec<Range<u64>>>, RangeError> {
        let selected: Vec<_> = self.0.iter().filter_map(|range| range.within(size).ok()).collect();
        if selected.is_empty() {
            return Err(RangeError::Unsatisfiable);
        }
        let mut sorted = selected.clone();
        sorted.sort_by_key(|range| range.start);
        let is_apart = sorted.array_windows().all(|[one, next]| one.end <= next.start);
        Ok(is_apart.then_some(selected))
    }
}

/// The `Content-Range` of an uploaded chunk: `first-last`, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRange {
    /// Offset of the chunk's first byte.
    pub first: u64,
    /// Offset of its last byte.
    pub last: u64,
}

impl ChunkRange {
    /// Parses the header; a `bytes ` prefix is accepted.
    ///
    /// # Errors
    /// [`RangeError::Malformed`] unless it is two numbers in ascending order.
    pub fn parse(header: &str) -> Result<Self, RangeError> {
        let text = header.trim();
        let text = text.strip_prefix("bytes ").unwrap_or(text);
        let (first, last) = text.split_once('-').ok_or(RangeError::Malformed)?;
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self { first, last }),
            _ => Err(RangeError::Malformed),
        }
    }

    /// Length of the chunk in bytes.
    pub fn length(self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

// `u64::from_str` would accept a sign.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranges() {
        assert_eq!(ByteRange::parse("bytes=0-9"), Some(ByteRange::Between(0, 9)));
        assert_eq!(ByteRange::parse("bytes=5-"), Some(ByteRange::From(5)));
        assert_eq!(ByteRange::parse("bytes=-3"), Some(ByteRange::Last(3)));
        for ignored in ["", "bytes", "bytes=", "bytes=-", "bytes=0-1,3-4", "bytes=+1-2", "lines=1-2"] {
            assert_eq!(ByteRange::parse(ignored), None, "{ignored}");
        }
    }

    #[test]
    fn holds_ranges_against_a_size() {
        assert_eq!(ByteRange::Between(0, 99).within(10), Ok(0..10));
        assert_eq!(ByteRange::Last(99).within(10), Ok(0..10));
        assert_eq!(ByteRange::Last(3).within(10), Ok(7..10));
        for (range, size) in [
            (ByteRange::Between(9, 0), 10),
            (ByteRange::From(10), 10),
            (ByteRange::Last(0), 10),
            (ByteRange::From(0), 0),
        ] {
            assert_eq!(range.within(size), Err(RangeError::Unsatisfiable));
        }
        assert!(ByteRange::parse("bytes=99999999999999999999-").unwrap().within(10).is_err());
    }

    #[test]
    fn reads_several_ranges() {
        let within = |header: &str| ByteRanges::parse(header).unwrap().within(10);
        assert_eq!(within("bytes=0-9"), Ok(Some(std::iter::once(0..10).collect())));
        assert_eq!(within("bytes=4-5,0-1,-2"), Ok(Some(vec![4..6, 0..2, 8..10])));
        assert_eq!(within("bytes=0-1,2-3"), Ok(Some(vec![0..2, 2..4])));
        assert_eq!(within("bytes=,0-1 , 20-"), Ok(Some(std::iter::once(0..2).collect())));
        for overlapping in ["bytes=0-3,3-4", "bytes=3-4,0-3", "bytes=0-,0-0", "bytes=1-2,1-2"] {
            assert_eq!(within(overlapping), Ok(None), "{overlapping}");
        }
        assert_eq!(within("bytes=10-,20-30"), Err(RangeError::Unsatisfiable));
        for ignored in ["bytes=", "bytes=,", "bytes=0-1,x", "bytes=0-1;2-3", "lines=0-1,2-3"] {
            assert_eq!(ByteRanges::parse(ignored), None, "{ignored}");
        }
        let many = |count| ByteRanges::parse(&format!("bytes={}", vec!["0-0"; count].join(",")));
        assert!(many(MAX_RANGES).is_some());
        assert!(many(MAX_RANGES + 1).is_none());
    }

    #[test]
    fn reads_chunks() {
        let chunk = ChunkRange::parse("10-19").unwrap();
        assert_eq!((chunk.first, chunk.length()), (10, 10));
        for bad in ["", "1", "5-4", "-4", "a-b", "0-4/10"] {
            assert!(ChunkRange::parse(bad).is_err(), "{bad}");
        }
    }
}
