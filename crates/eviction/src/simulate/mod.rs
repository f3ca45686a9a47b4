//! Replays pulls against a cache that is too small: the planner of this crate, and other policies beside it.
//!
//! - a [`Trace`] is recorded or generated ([`generate`])
//! - `ours` runs the planner as the mirror does, by whole images; the others keep single blobs: `lru`, `s3_fifo`, `lhd`, and
//!   `belady`, which knows the future
//! - no policy can save more bytes than `pfoo` says

mod belady;
mod by_blob;
mod cache;
mod generate;
mod lhd;
mod lru;
mod ours;
mod pfoo;
mod pool;
mod random;
mod replay;
mod s3_fifo;
mod trace;

pub use generate::generate;
pub use pfoo::most_bytes;
pub use replay::{Policy, Ratios, replay};
pub use trace::{Trace, TracePull};
