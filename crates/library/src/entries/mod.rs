//! Entries: the images that may be run.
//!
//! - `fields`: what people say about an entry, checked; `verbs`: what can be done with entries
//! - `logins`: what becomes of a login in an address
//! - `check`: looks at the image; `platforms`: what it is there for; `advice`: what would be better

mod advice;
mod check;
mod error;
mod fields;
mod logins;
mod platforms;
mod verbs;

pub use advice::{Advice, advice};
pub use error::EntryError;
pub(crate) use fields::CheckedEntry;
pub use fields::{EntryChange, EntryFault, Field, FieldFault, NewEntry};
