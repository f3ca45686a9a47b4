//! How much memory a blob takes on its way, counted in pieces.

use super::reading::{PIECE, Piece};
use crate::endpoints::EndpointError;

/// The pieces in a target's queue.
pub(super) const QUEUE_LENGTH: usize = 4;

/// What a target's queue is filled with: pieces, or why there will be no more of them.
pub(super) type Item = Result<Piece, EndpointError>;

/// The most pieces that are counted for one blob: there is always room for as many, so that none waits forever.
pub(super) const MAX_WEIGHT: u32 = 64;

/// The pieces that a large blob is counted with on each of its connections: a queue, and as much again in what the
/// connection itself keeps ready, which grows with what comes at once.
const LARGE: usize = 2 * QUEUE_LENGTH;

/// The memory that reading a blob takes, in pieces.
pub(super) fn weight(size: u64, queues: usize) -> u32 {
    let pieces = size.div_ceil(PIECE as u64).clamp(1, LARGE as u64);
    u32::try_from(pieces * (queues as u64 + 1)).unwrap_or(MAX_WEIGHT).min(MAX_WEIGHT)
}
