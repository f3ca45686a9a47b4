//! Reads any configuration: turns YAML text and environment variables into types, with errors that name the place.
//!
//! - [`tree`]: the values, each with its [`Place`]; [`overlay`]: environment variables over them
//! - [`typed`]: deserializes types with serde
//! - [`error`]: the place, the fact, the hint; [`suggest`]: the word that was probably meant
//!
//! It is independent of keys, which the modules next to it define.

pub(crate) mod error;
pub(crate) mod overlay;
pub(crate) mod place;
pub(crate) mod suggest;
pub(crate) mod tree;
pub(crate) mod typed;
