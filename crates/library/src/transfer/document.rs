//! What a document may be, and why it cannot be read.

use super::row::{EntryRow, RowError};

/// The most entries that a document may have.
pub(super) const MOST: usize = 10_000;

/// Why a document cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentFault {
    /// It is not UTF-8.
    #[error("the document is not UTF-8")]
    Encoding,
    /// There is nothing in it.
    #[error("the document has no entries")]
    Empty,
    /// A quotation mark is not closed.
    #[error("line {0} has a quotation mark that is not closed")]
    Quote(usize),
    /// A row has more cells than the first line has names.
    #[error("line {0} has more cells than there are columns")]
    Cells(usize),
    /// The first line has a name that is none of a column.
    #[error("there is no column `{0}`")]
    Column(String),
    /// A column is there twice.
    #[error("the column `{0}` is there twice")]
    Twice(&'static str),
    /// There is no column with addresses.
    #[error("there is no column `address`")]
    NoAddress,
    /// It is not JSON, or has something else than entries.
    #[error("the document is not a list of entries: {0}")]
    Json(String),
    /// There are too many entries.
    #[error("the document has more than {MOST} entries")]
    Many,
}

/// What was read of a document: its rows, and what is wrong with single cells.
pub(super) type ParsedRows = (Vec<EntryRow>, Vec<RowError>);
