//! The direction of an edit, and errors of edits.

use entrepot_rewrite::{MapError, ReadError, RewriteError};

/// The direction of an edit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// To the destination's names.
    #[default]
    There,
    /// Back to the source's names.
    Back,
}

/// The reason a file is not edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Its kind is unknown.
    #[error("what kind of document this is cannot be told")]
    Kind,
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It cannot be changed.
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    /// The names contradict each other.
    #[error(transparent)]
    Names(#[from] MapError),
}
