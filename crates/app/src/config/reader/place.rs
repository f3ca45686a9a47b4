//! The place where a value was written.

use entrepot_yaml::Location;

/// The place where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceLocation {
    /// Nowhere: the value was left out.
    Nowhere,
    /// In the file, counted from 1.
    File {
        /// The line.
        line: u64,
        /// The column, in characters.
        column: u64,
    },
    /// In an environment variable.
    Variable(String),
}

impl From<Location> for SourceLocation {
    fn from(location: Location) -> Self {
        match location.line() {
            0 => Self::Nowhere,
            line => Self::File { line, column: location.column() },
        }
    }
}
