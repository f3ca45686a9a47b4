//! Formats plans as Markdown.

mod beside;
mod markdown;
mod text;

pub use beside::beside;
pub use markdown::markdown;
