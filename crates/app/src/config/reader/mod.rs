//! Reads a configuration of any kind: YAML text and environment variables become types, and errors name the place.
//!
//! - [`tree`]: the values, each with its [`Place`]; [`overlay`]: environment variables over them
//! - [`typed`]: types out of values, with serde
//! - [`error`]: what is wrong, where, and a way out; [`suggest`]: the word that was probably meant
//!
//! It knows no key: which ones there are is up to the modules beside it.

pub(crate) mod error;
pub(crate) mod overlay;
pub(crate) mod place;
pub(crate) mod suggest;
pub(crate) mod tree;
pub(crate) mod typed;
