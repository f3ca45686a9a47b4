//! An entry of a document, and what may be wrong with it.

use crate::entries::{EntryChange, Field, FieldFault};

/// An entry of a document.
#[derive(Clone, Debug)]
pub(crate) struct EntryRow {
    /// Where it stands: the line of a table, or the place in a list, from 1 on.
    pub(crate) line: usize,
    /// The entry that it changes, as it was written; empty for a new one.
    pub(crate) id: String,
    /// What it says.
    pub(crate) change: EntryChange,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, `{}`: {fault}", field.as_str())]
pub struct RowError {
    /// Where it stands.
    pub line: usize,
    /// The field.
    pub field: Field,
    /// What is wrong with it.
    pub fault: RowFault,
}

/// What is wrong with a cell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// The field is not accepted.
    #[error(transparent)]
    Field(#[from] FieldFault),
    /// It is neither yes nor no.
    #[error("it is neither `true` nor `false`")]
    YesNo,
    /// It is no text.
    #[error("it is not a text")]
    Text,
    /// It is no id.
    #[error("it is not the id of an entry")]
    Id,
    /// There is no such entry.
    #[error("there is no entry with this id; leave it empty to add one")]
    Unknown,
    /// There is such an entry already.
    #[error("entry {0} has this name and this image already; give its id to change it")]
    Exists(i64),
    /// Another row is the same.
    #[error("it is the same as in line {0}")]
    Twice(usize),
}
