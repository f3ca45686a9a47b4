//! Reads lists, and puts documents back whole or not at all.

use std::{fs, io, path::Path};

use entrepot_files::Directory;

use crate::{
    failure::{self, Failure},
    replace::{self, Lost},
};

/// What may be done with the file stays, and a link to it stays a link: the user named it.
pub(in crate::commands) fn replace(path: &Path, text: &str) -> io::Result<Lost> {
    let path = fs::canonicalize(path)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let directory = Directory::open(path.parent().unwrap_or(Path::new("")))?;
    replace::change(&directory, Path::new(name), text)
}

/// Tells of what a changed file has no more.
pub(in crate::commands) fn warn_lost(name: &str, lost: &Lost) {
    for (fact, hint) in lost.told(name) {
        failure::note(&[fact], &hint);
    }
}

/// The text of a list that the call names. Without it nothing is begun.
pub(super) fn read_list(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::wrong(format!("cannot read {}: {error}", path.display())))
}
