//! `entrepot list`: plain lists of images, one per line.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use entrepot_importers::format_list;

use super::documents::file;
use crate::{failure::Failure, output};

/// The arguments of `list fmt`.
#[derive(Debug)]
pub(crate) struct Fmt {
    /// The file; `-` means standard input.
    pub(crate) file: PathBuf,
    /// Change the file in place.
    pub(crate) in_place: bool,
}

/// Sorts and formats a list.
pub(crate) fn run(Fmt { file, in_place }: Fmt) -> Result<(), Failure> {
    let is_stdin = file == Path::new("-");
    if is_stdin && in_place {
        return Err(Failure::wrong("standard input cannot be changed in place").with_hint("leave out `-i`"));
    }
    let text = if is_stdin { io::read_to_string(io::stdin()) } else { fs::read_to_string(&file) };
    let text = text.map_err(|error| Failure::because(format!("cannot read `{}`", file.display()), &error))?;
    let sorted = format_list(&text);
    if !in_place {
        return output::print_exact(sorted.as_bytes());
    }
    if sorted == text {
        return Ok(());
    }
    let changed = file::replace(&file, &sorted);
    let lost =
        changed.map_err(|error| Failure::because(format!("cannot write `{}`", file.display()), &error))?;
    file::warn_lost(&file.display().to_string(), &lost);
    Ok(())
}
