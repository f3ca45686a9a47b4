//! Dockerfiles (docs.docker.com/reference/dockerfile).
//!
//! - [`lines`] makes instructions of lines: continuations, comments between them, heredocs, `# escape=`
//! - [`find`] knows which of their words are images, and which only look like ones

mod find;
mod lines;
mod words;

pub(crate) use find::find;
