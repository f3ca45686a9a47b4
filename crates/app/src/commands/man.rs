//! `entrepot man`: writes the manual pages.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Command;
use clap_mangen::roff::{Roff, bold, roman};

use crate::{examples, failure::Failure, output};

/// The exit codes of all commands.
const EXIT_STATUS: [(&str, &str); 4] = [
    ("0", "Done."),
    ("1", "Something failed, is behind (check), blocked (migrate plan) or unfinished (migrate status)."),
    ("2", "The arguments or the configuration are wrong."),
    ("130, 143", "Stopped by a second SIGINT or, for serve, SIGTERM."),
];

/// The files that commands read and write unless others are named.
const FILES: [(&str, &str); 5] = [
    (
        "./entrepot.yaml",
        "The configuration, if --config and ENTREPOT_CONFIG name no other. It need not exist.",
    ),
    ("./data", "What a server holds, if the configuration names no other directory."),
    ("~/.cache/entrepot", "What commands keep between runs. It may be deleted."),
    ("~/.docker/config.json", "Logins, as Docker keeps them."),
    ("$XDG_RUNTIME_DIR/containers/auth.json", "Logins, as Podman keeps them."),
];

/// The arguments.
#[derive(Debug)]
pub(crate) struct Man {
    /// The directory for one page per command; without it, the main page goes to standard output.
    pub(crate) out: Option<PathBuf>,
}

/// Writes the pages of the `whole` command line.
pub(crate) fn run(Man { out }: Man, mut whole: Command) -> Result<(), Failure> {
    whole.build();
    let Some(dir) = out else {
        let page = page(&whole).map_err(|error| Failure::because("cannot write the manual page", &error))?;
        return output::print_exact(&page);
    };
    let written = fs::create_dir_all(&dir).and_then(|()| write(&whole, &dir));
    written.map_err(|error| {
        Failure::because(format!("cannot write manual pages to `{}`", dir.display()), &error)
    })
}

fn write(command: &Command, dir: &Path) -> io::Result<()> {
    command.get_subcommands().try_for_each(|inner| write(inner, dir))?;
    fs::write(dir.join(format!("{}.1", name(command))), page(command)?)
}

// `entrepot-sync-run`
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or(command.get_name())
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let man = clap_mangen::Man::new(command.clone())
        .source(concat!("entrepot ", env!("CARGO_PKG_VERSION")))
        .manual("entrepot");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let path = name(command).replace('-', " ");
    let examples = examples::of(path.strip_prefix("entrepot").unwrap_or(&path).trim());
    let mut roff = Roff::new();
    section(&mut roff, "EXAMPLES", examples.iter().map(|example| (example.call, example.english)));
    section(&mut roff, "EXIT STATUS", EXIT_STATUS);
    section(&mut roff, "FILES", FILES);
    roff.to_writer(&mut page)?;
    Ok(page)
}

fn section<'a>(roff: &mut Roff, head: &str, items: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let mut items = items.into_iter().peekable();
    if items.peek().is_some() {
        roff.control("SH", [head]);
    }
    for (item, about) in items {
        roff.control("TP", []).text([bold(item)]).text([roman(about)]);
    }
}
