//! Requests for images: the JSON API, and what the page about them shares with it.
//!
//! - `wanted`: what somebody asks for, and whether they may; `problem`: why not, `views`: how requests stand, both pure
//! - `words`: hints in both languages; `api`: the handlers

pub(crate) mod api;
mod problem;
pub(crate) mod views;
pub(crate) mod wanted;
mod words;
