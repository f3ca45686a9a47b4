//! How parts of cards get into a container. Pure.
//!
//! - `environment`: what people may set, and what of an image's own is taken along
//! - `wiring`: what a container gets besides its cards
//! - `proof`: whether the split took effect, by each way into the container
//!
//! The split is an agreement with programs that mean well, not a wall: who is root in the container can undo it.

mod environment;
mod proof;
mod wiring;

pub use environment::{EnvironmentFault, Variable, check, is_ours};
pub use proof::{EntryWay, ProbeAnswer, ProbeResult, Proof, SplitVerdict, link_to_books};
pub use wiring::{Cards, LibraryMount, Preload, Slice, SplitWiring, wire};
