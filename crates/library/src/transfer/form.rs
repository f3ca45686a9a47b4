//! The forms of a document.

use entrepot_catalog::EntryRecord;

use super::{
    csv,
    document::DocumentFault,
    json,
    row::{EntryRow, RowError},
};

/// The form of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferFormat {
    /// With commas, for spreadsheets.
    Csv,
    /// For programs.
    Json,
}

impl TransferFormat {
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
    pub(crate) rows: Vec<EntryRow>,
    pub(crate) faults: Vec<RowError>,
}
