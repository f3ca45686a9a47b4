//! `entrepot completions`: prints a shell completion script.

use clap_complete::Shell;

use crate::{failure::Failure, output};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: Shell,
}

/// Writes the completion script for the `whole` command line to standard output.
pub(crate) fn run(Completions { shell }: Completions, mut whole: clap::Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut whole, "entrepot", &mut script);
    output::print_exact(&script)
}
