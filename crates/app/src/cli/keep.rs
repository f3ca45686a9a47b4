//! The commands about keep lists: `keep`.

use clap::{Args, Subcommand, ValueEnum};
use entrepot_api::KeepState;

use super::server::ServerArgs;
use crate::{
    commands::keep::{Keep, KeepOperation},
    log::Verbosity,
};

#[derive(Subcommand)]
pub(super) enum KeepCommand {
    /// List keep lists, and how much of each is here
    #[command(visible_alias = "list")]
    Ls {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List the images of a keep list, and why some are not as their registry has them
    Images {
        /// The list's name
        #[arg(value_name = "NAME")]
        list: String,
        /// Only images that stand so
        #[arg(long, value_name = "STATE", value_enum)]
        state: Option<KeepStateArg>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Run a keep list now
    Run {
        /// The list's name
        #[arg(value_name = "NAME")]
        list: String,
        /// Show progress until the run ends; exit code 1 if anything is not kept
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Stop the run of a keep list; what has come stays
    Cancel(KeepNameArgs),
}

#[derive(Args)]
pub(super) struct KeepNameArgs {
    /// The list's name
    #[arg(value_name = "NAME")]
    list: String,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum KeepStateArg {
    Kept,
    Failed,
    Postponed,
}

impl KeepCommand {
    pub(super) fn into_args(self, verbosity: Verbosity) -> Keep {
        let (server, operation) = match self {
            Self::Ls { server } => (server, KeepOperation::List),
            Self::Images { list, state, server } => {
                (server, KeepOperation::Images { list, state: state.map(KeepStateArg::spoken) })
            }
            Self::Run { list, wait, server } => (server, KeepOperation::Run { list, wait, verbosity }),
            Self::Cancel(KeepNameArgs { list, server }) => (server, KeepOperation::Cancel { list }),
        };
        Keep { to: server.addressed(), operation }
    }
}

impl KeepStateArg {
    fn spoken(self) -> KeepState {
        match self {
            Self::Kept => KeepState::Kept,
            Self::Failed => KeepState::Failed,
            Self::Postponed => KeepState::Postponed,
        }
    }
}
