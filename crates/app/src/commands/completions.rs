//! `entrepot completions`: a script that lets a shell complete our commands.

use clap_complete::Shell;

use crate::{cli, failure::Failure, output};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Completions {
    /// For which shell.
    pub(crate) shell: Shell,
}

/// Writes the script to standard output.
pub(crate) fn run(Completions { shell }: Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "entrepot", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
