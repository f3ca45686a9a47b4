//! The commands about what may be pulled: `rules`.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};
use entrepot_api::{NewDenial, PullerQuery};

use super::{action::Action, common::OutputArgs, server::ServerArgs};
use crate::commands::rules::{CheckRules, Rules, RulesOperation};

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
    /// Deny images at once, whatever is allowed; also remove them, and see who pulled them
    Deny {
        /// The images, as clients name them, or a pattern: `acme/web`, `docker.io/acme/**`, `quay.io/acme/web:1.*`
        #[arg(value_name = "IMAGE")]
        image: String,
        /// Why; whoever is refused is told
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Where that is written at length, such as the address of an advisory
        #[arg(long, value_name = "TEXT")]
        notice: Option<String>,
        /// Denied by law: status 451 instead of 403
        #[arg(long)]
        legal: bool,
        /// Remove what is held of them
        #[arg(long)]
        purge: bool,
        /// Show who pulled the repository in so many days
        #[arg(long, value_name = "DAYS")]
        pulled_by: Option<u32>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List what was denied with `deny`
    Denied {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Take a denial back; what the configuration denies stays denied
    Undeny {
        /// The images, as they were denied
        #[arg(value_name = "IMAGE")]
        image: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show who pulled an image, as far as that is recorded (`rules.pulled_by`)
    PulledBy {
        /// The image, as clients name it: `nginx:1.27`, `quay.io/acme/web`
        #[arg(value_name = "IMAGE")]
        image: String,
        /// How many days are looked back
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        days: u32,
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
        let ask = |server: ServerArgs, operation| Action::Rules(Rules { to: server.addressed(), operation });
        match self {
            Self::Check { file, images, output } => {
                Action::CheckRules(CheckRules { file, images, output: output.output })
            }
            Self::Ls { server } => ask(server, RulesOperation::Ls),
            Self::Explain { image, server } => ask(server, RulesOperation::Explain { image }),
            Self::Deny { image, reason, notice, legal, purge, pulled_by, server } => {
                let new = NewDenial { image, reason, notice, legal, purge, pulled_by_days: pulled_by };
                ask(server, RulesOperation::Deny(new))
            }
            Self::Denied { server } => ask(server, RulesOperation::Denied),
            Self::Undeny { image, server } => ask(server, RulesOperation::Undeny { image }),
            Self::PulledBy { image, days, server } => {
                ask(server, RulesOperation::PulledBy(PullerQuery { image, days: Some(days) }))
            }
            Self::Reload { server } => ask(server, RulesOperation::Reload),
        }
    }
}
