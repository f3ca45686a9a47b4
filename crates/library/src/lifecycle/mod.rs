//! What becomes of instances. Pure.
//!
//! - `decide`: what to do, from what an instance should be and what its engine shows
//! - `billing`: for how long it ran

mod billing;
mod decide;

pub use billing::{Change, Looks, Period, Run, cost, in_our_time, settle};
pub use decide::{Away, Container, Known, NameTaken, Seen, State, Step, decide, name_taken, pause_after};
