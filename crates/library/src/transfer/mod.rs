//! Entries as documents: CSV for spreadsheets, JSON for programs.
//!
//! - `columns`: the names that columns may have; `csv`, `json`: the two forms, read and written; all pure
//! - `import`: stores what was read, all of it or nothing

mod columns;
mod csv;
mod import;
mod json;

pub use columns::RowFault;
pub use import::{Imported, RowError};

use entrepot_catalog::EntryRecord;

use crate::entries::EntryChange;

/// The most entries that a document may have.
const MOST: usize = 10_000;

/// The form of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// With commas, for spreadsheets.
    Csv,
    /// For programs.
    Json,
}

/// An entry of a document.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it stands: the line of a table, or the place in a list, from 1 on.
    pub line: usize,
    /// The entry that it changes, as it was written; empty for a new one.
    pub(crate) id: String,
    /// What it says.
    pub(crate) change: EntryChange,
}

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

/// What was read of a document: its rows, and all that is wrong with single ones.
pub(crate) type Read = (Vec<Row>, Vec<RowError>);

impl Form {
    /// Reads a document.
    ///
    /// # Errors
    /// It cannot be read at all. What is wrong with single rows is found by [`crate::Library::import_entries`].
    pub fn read(self, document: &[u8]) -> Result<ReadDocument, DocumentFault> {
        // Spreadsheets put a mark in front, by which they know UTF-8.
        let text = std::str::from_utf8(document).map_err(|_| DocumentFault::Encoding)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (rows, faults) = match self {
            Self::Csv => csv::read(text)?,
            Self::Json => json::read(text)?,
        };
        if rows.is_empty() && faults.is_empty() {
            return Err(DocumentFault::Empty);
        }
        Ok(ReadDocument { rows, faults })
    }

    /// Writes entries. Passwords are not among what is known of them.
    pub fn write(self, entries: &[EntryRecord]) -> String {
        match self {
            Self::Csv => csv::write(entries),
            Self::Json => json::write(entries),
        }
    }
}

/// A document that was read.
#[derive(Clone, Debug)]
pub struct ReadDocument {
    pub(crate) rows: Vec<Row>,
    pub(crate) faults: Vec<RowError>,
}
