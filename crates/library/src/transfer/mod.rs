//! Entries as documents: CSV for spreadsheets, JSON for programs.
//!
//! - `row`, `document`: what was read, and what is wrong with it; `columns`: the names that columns may have
//! - `csv`, `json`: the two forms, read and written; `form`: both; all pure
//! - `import`: stores what was read, all of it or nothing

mod columns;
mod csv;
mod document;
mod form;
mod import;
mod json;
mod row;

pub use document::DocumentFault;
pub use form::{ReadDocument, TransferFormat};
pub use import::ImportResult;
pub use row::{RowError, RowFault};
