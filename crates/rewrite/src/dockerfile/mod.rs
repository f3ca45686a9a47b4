//! Dockerfiles (docs.docker.com/reference/dockerfile).
//!
//! - [`lines`] splits a file into instructions: continuations, comments between them, heredocs, `# escape=`
//! - [`find`] decides which words are images, and which only look like one

mod find;
mod lines;
mod words;

pub(crate) use find::find;
