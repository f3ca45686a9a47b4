//! Decides which images a full cache lets go. Pure: no I/O, no clock.
//!
//! - what is held: [`Stock`]; what an image is worth: [`Heat`], [`FetchCost`], `worth`; how much has to go: [`CacheLimits`]; what is
//!   too young: [`spare_young`]
//! - [`plan`] chooses whole images, the least worth first, by the bytes that only they free
//! - what a larger disk would have saved: [`savings`]
//! - the same planner, and others beside it, on a recorded or generated trace: [`simulate`]

#![forbid(unsafe_code)]

mod heat;
#[cfg(test)]
mod laws;
mod limits;
mod plan;
mod savings;
pub mod simulate;
mod stock;
mod worth;
mod youth;

pub use heat::{HALF_LIFE, Heat};
pub use limits::{Admission, CacheLimits, Demand, LimitsError, Space, Trigger, is_mass_expiry};
pub use plan::{Choice, EvictionGoal, Reason, plan};
pub use savings::{Saving, savings};
pub use stock::{Item, Retention, Stock, Unit};
pub use worth::FetchCost;
pub use youth::spare_young;
