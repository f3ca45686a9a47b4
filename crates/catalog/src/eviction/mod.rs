//! What stays, what each image is worth, and what was let go.
//!
//! - `pins`: images that are not evicted; `contents`: what a repository holds, for the decision what goes; `retire`: takes an
//!   image out unless something speaks for it; `ghosts`: what was evicted and came back

mod contents;
mod ghosts;
mod pins;
mod records;
mod retire;

pub use pins::{NewPin, PinFilter, PinRecord, PinSource};
pub use records::{
    HeldRepository, ManifestContent, RepositoryContent, RetireOutcome, RetiredContent, ReturnedImage,
    ReturnedImages, SpareReason,
};
pub use retire::Conditions;

pub(crate) use ghosts::welcome_back;
#[cfg(test)]
pub(crate) use {
    contents::{NEXT_REPOSITORIES, PINNED_IN},
    ghosts::{EVICTED_BYTES, GHOST, RETURNED, SAVINGS, TRIM as TRIM_GHOSTS, TRIM_MANY as TRIM_MANY_GHOSTS},
    pins::{PINS, UNPIN_HOLDER},
    retire::{STATE, STRAYS, TAGS_AT},
};
