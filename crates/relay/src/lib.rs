//! Plans how the images of a stack are copied to another registry, and how its files change.
//!
//! - [`plan`] makes a [`Plan`] of a [`Stack`] of files: the target of each image, what stays and why, and the new files
//! - [`scripts`] are for copying by other means; [`steps`] are the remaining steps of a deployment
//! - for machines without a network, [`Manifest`] describes a bundle, and [`Name`] is a safe name for a file of it
//!
//! No I/O: texts in, texts out. All names are made by [`entrepot_rewrite::Rules`].

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

pub use bundle::{BundleError, Manifest, PackedFile, RelayOptions};
pub use entry::{StackImage, User};
pub use name::{FileNameError, Name, Role};
pub use plan::{Plan, PlanError, RewrittenFile, UnchangedName, plan};
pub use scripts::{Script, scripts};
pub use stack::{File, Stack, StackFile, mirror_name};
pub use steps::{Deploy, steps};
pub use words::path;
