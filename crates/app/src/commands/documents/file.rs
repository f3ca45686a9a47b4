//! Reads lists, and replaces documents atomically.

use std::{fs, io, path::Path};

use entrepot_files::Directory;

use crate::{
    failure::{self, Failure},
    replace::{self, LostAttributes},
};

/// Keeps permissions, and follows a symbolic link, since the user named it.
pub(in crate::commands) fn replace(path: &Path, text: &str) -> io::Result<LostAttributes> {
    let path = fs::canonicalize(path)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let directory = Directory::open(path.parent().unwrap_or(Path::new("")))?;
    replace::change(&directory, Path::new(name), text)
}

/// Warns about attributes that the replaced file has lost.
pub(in crate::commands) fn warn_lost(name: &str, lost: &LostAttributes) {
    for (fact, hint) in lost.told(name) {
        failure::note(&[fact], &hint);
    }
}

/// Reads a list named on the command line. The command does not start without it.
pub(super) fn read_list(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::wrong(format!("cannot read {}: {error}", path.display())))
}
