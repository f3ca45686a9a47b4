//! Specs: what an instance gets.
//!
//! - `checked`: a spec as people say it, checked as a whole (pure); `faults`: what can be wrong with one; `limits`: bounds
//! - `verbs`: what can be done with specs

mod checked;
mod faults;
mod limits;
mod verbs;

pub use checked::CheckedSpec;
pub use faults::SpecFault;
