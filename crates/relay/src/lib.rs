//! Plans how the images of a stack come to a registry of one's own, and what its files say then.
//!
//! - [`Stack`]: the files as they are; [`plan`] makes a [`Plan`] of them: which image goes where, what is left and why,
//!   the files as they will be, or why not
//! - for those who copy by other means: [`scripts`]; for those who deploy: [`steps`]
//! - for machines without a network: [`Manifest`] is what a bundle says of itself, [`Name`] what its files may be called
//!
//! No I/O: texts come in, texts go out. Names are made by [`entrepot_rewrite::Rules`] and nothing else.

#![forbid(unsafe_code)]

mod bundle;
mod entry;
#[cfg(any(test, fuzzing))]
pub mod laws;
mod name;
mod plan;
mod scripts;
mod stack;
mod steps;
mod words;

pub use bundle::{BundleError, Manifest, Packed, Wishes};
pub use entry::{Entry, User};
pub use name::{Name, NameError, Role};
pub use plan::{Kept, Plan, PlanError, Written, plan};
pub use scripts::{Script, scripts};
pub use stack::{File, Source, Stack, mirror_name};
pub use steps::{Deploy, steps};
pub use words::path;
