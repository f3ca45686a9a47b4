//! The memory of a blob in transit, counted in pieces.

use super::reading::{PIECE, Piece};
use crate::endpoints::EndpointError;

/// The length of a target's queue, in pieces.
pub(super) const QUEUE_LENGTH: usize = 4;

/// An item of a target's queue: a piece, or the error that ends the read.
pub(super) type Item = Result<Piece, EndpointError>;

/// The most pieces counted for one blob. The total is never lower, so no blob waits forever.
pub(super) const MAX_WEIGHT: u32 = 64;

/// The pieces counted for each connection of a large blob: its queue, and as much again for the connection's own
/// buffers, which grow with bursts.
const LARGE: usize = 2 * QUEUE_LENGTH;

/// The memory needed to read a blob, in pieces.
pub(super) fn weight(size: u64, queues: usize) -> u32 {
    let pieces = size.div_ceil(PIECE as u64).clamp(1, LARGE as u64);
    u32::try_from(pieces * (queues as u64 + 1)).unwrap_or(MAX_WEIGHT).min(MAX_WEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_weighs_its_pieces_for_each_queue_and_for_the_read() {
        let piece = PIECE as u64;
        for (size, queues, expected) in [
            (0, 0, 1),
            (piece, 0, 1),
            (piece, 1, 2),
            (piece + 1, 1, 4),
            (3 * piece, 4, 15),
            (u64::MAX, 0, 8),
            (u64::MAX, 2, 24),
            (u64::MAX, 7, MAX_WEIGHT),
            (u64::MAX, 100, MAX_WEIGHT),
        ] {
            assert_eq!(weight(size, queues), expected, "{size} bytes for {queues}");
        }
    }
}
