//! The commands about what may be pulled: `rules`.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};

use super::{action::Action, common::OutputArgs, server::ServerArgs};
use crate::commands::rules::{CheckRules, Rules, Verb};

#[derive(Subcommand)]
pub(super) enum RulesCommand {
    /// Check a list or the rules of a configuration, and say which rule decides about images; exit code 1 if one is refused
    Check {
        /// A list with a pattern a line, such as `allows.txt`, or a configuration (`.yaml`)
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Images, as clients name them: `nginx:1.27`, `quay.io/acme/web`
        #[arg(value_name = "IMAGE")]
        images: Vec<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show the lists that are in force on a server
    #[command(visible_alias = "list")]
    Ls {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Ask a server whether an image may be pulled, and by which rule; exit code 1 if it may not
    Explain {
        /// The image, as clients name it: `nginx:1.27`, `quay.io/acme/web`
        #[arg(value_name = "IMAGE")]
        image: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Have a server read its rules again now
    Reload {
        #[command(flatten)]
        server: ServerArgs,
    },
}

impl RulesCommand {
    pub(super) fn into_action(self) -> Action {
        let ask = |server: ServerArgs, verb| Action::Rules(Rules { to: server.addressed(), verb });
        match self {
            Self::Check { file, images, output } => {
                Action::CheckRules(CheckRules { file, images, output: output.output })
            }
            Self::Ls { server } => ask(server, Verb::Ls),
            Self::Explain { image, server } => ask(server, Verb::Explain { image }),
            Self::Reload { server } => ask(server, Verb::Reload),
        }
    }
}
