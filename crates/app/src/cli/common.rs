//! Options that several commands have.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::output::Output;

#[derive(Args)]
pub(super) struct FileArgs {
    /// The configuration file [env: ENTREPOT_CONFIG] [default: ./entrepot.yaml, if it exists]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) config: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct OutputArgs {
    /// Output format: `text` for people, `json` for programs
    #[arg(long, value_name = "FORM", value_enum, hide_possible_values = true, default_value_t)]
    pub(super) output: Output,
}
