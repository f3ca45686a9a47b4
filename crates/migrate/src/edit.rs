//! Which way an edit goes, and why a file stays as it is.

use entrepot_rewrite::{MapError, ReadError, RewriteError};

/// Which way names are changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// To where the images go.
    #[default]
    There,
    /// Back to where they came from.
    Back,
}

/// Why a file stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It is of no kind that is known.
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
