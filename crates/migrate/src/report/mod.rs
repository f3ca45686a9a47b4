//! Plans as people read them: Markdown.

mod beside;
mod markdown;
mod text;

pub use beside::beside;
pub use markdown::markdown;
