//! Formats plans as Markdown, in English or 中文.

mod beside;
mod language;
mod markdown;
mod text;

pub use beside::beside;
pub use language::ReportLanguage;
pub use markdown::markdown;
