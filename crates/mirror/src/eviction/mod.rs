//! Eviction: keeps what is held within its limits, by letting whole images go.
//!
//! - beside it, `room`: how much is held and coming, and whether what comes is kept at all
//! - `survey` reads what is held into a stock, repository by repository; `images` (pure) finds the images in it
//! - `plan` has the crate `entrepot_eviction` choose; `round` does what was planned, image by image; `watch` looks whether
//!   it is time, and `marked` (pure) what goes at once
//!
//! An image that was chosen has to be chosen again some minutes later before it goes, unless there is no room left; then the
//! catalog looks once more. Whatever fails ends the round.

mod images;
mod marked;
mod plan;
mod planned;
mod report;
mod round;
mod state;
mod survey;
mod watch;

pub use planned::{EvictionPlan, PlannedImage};
pub use report::{EvictionEnd, EvictionProgress, EvictionReport};
pub(crate) use state::Eviction;
