//! Reads files that belong to the configuration.

use std::{fs, io, path::Path};

use super::reader::{error::Error, place::SourceLocation};

/// Reads a text file.
///
/// # Errors
/// The file is missing, unreadable, or not text.
pub(super) fn read_file(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| {
        let (what, hint) = match error.kind() {
            io::ErrorKind::NotFound => ("there is no such file", "without `--config`, the defaults are used"),
            io::ErrorKind::InvalidData => ("the file is not UTF-8 text", "a configuration is a YAML file"),
            io::ErrorKind::PermissionDenied => ("the file may not be read", "look at its owner and mode"),
            _ => ("the file cannot be read", "a configuration is a YAML file"),
        };
        Error::at(&SourceLocation::Nowhere, what).in_file(path).with_hint(hint)
    })
}
