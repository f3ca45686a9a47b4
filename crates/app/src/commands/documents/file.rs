//! Puts a document back whole, or not at all.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use crate::replace::{self, Access};

/// What may be done with the file stays, and a link to it stays a link.
pub(in crate::commands) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    replace::replace(&path, Access::AsBefore, |file| file.write_all(text.as_bytes()))
}
