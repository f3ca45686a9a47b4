//! `entrepot man`: writes the manual pages.

use std::{fs, path::PathBuf};

use crate::{failure::Failure, output};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Man {
    /// The directory for one page per command; without it, the main page goes to standard output.
    pub(crate) out: Option<PathBuf>,
}

/// Writes the pages of the `whole` command line.
pub(crate) fn run(Man { out }: Man, whole: clap::Command) -> Result<(), Failure> {
    let Some(dir) = out else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(whole).render(&mut page);
        rendered.map_err(|error| Failure::because("cannot write the manual page", &error))?;
        return output::print_exact(&page);
    };
    let written = fs::create_dir_all(&dir).and_then(|()| clap_mangen::generate_to(whole, &dir));
    written.map_err(|error| {
        Failure::because(format!("cannot write manual pages to `{}`", dir.display()), &error)
    })
}
