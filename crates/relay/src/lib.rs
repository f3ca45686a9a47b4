//! Plans how the images of a stack come to a registry of one's own, and what its files say then.
//!
//! - [`Stack`]: the files as they are; [`plan`] makes a [`Plan`] of them: which image goes where, what is left and why,
//!   the files as they will be, or why not
//! - for those who copy by other means: [`scripts`]; for those who deploy: [`steps`]
//!
//! No I/O: texts come in, texts go out. Names are made by [`entrepot_rewrite::Rules`] and nothing else.

#![forbid(unsafe_code)]

mod entry;
mod plan;
mod scripts;
mod stack;
mod steps;

pub use entry::{Entry, User};
pub use plan::{Kept, Plan, PlanError, Written, plan};
pub use scripts::{Script, scripts};
pub use stack::{File, Source, Stack, mirror_name};
pub use steps::{Deploy, steps};
