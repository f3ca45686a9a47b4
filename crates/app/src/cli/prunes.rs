//! The commands about tags that no rule writes: `sync prune`.

use clap::Subcommand;

use super::server::ServerArgs;
use crate::commands::prunes::{PruneOperation, Prunes};

#[derive(Subcommand)]
pub(super) enum PruneCommand {
    /// List what runs found, for targets with `prune: review`
    #[command(visible_alias = "list")]
    Ls {
        /// Only lists of this rule
        #[arg(long, value_name = "NAME")]
        rule: Option<String>,
        /// Maximum number of lists
        #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
        count: usize,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show the tags of a list, and what became of them
    Show {
        /// The list, as listed by `entrepot sync prune ls`
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Have the tags of a list removed, as far as they are what they were
    Approve {
        /// The list, as listed by `entrepot sync prune ls`
        #[arg(value_name = "ID")]
        id: String,
        /// Remove them without asking
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Leave the tags of a list where they are
    Reject {
        /// The list, as listed by `entrepot sync prune ls`
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
}

impl PruneCommand {
    pub(super) fn into_args(self) -> Prunes {
        let args = |server: ServerArgs, operation| Prunes { to: server.addressed(), operation };
        match self {
            Self::Ls { rule, count, server } => args(server, PruneOperation::Ls { rule, count }),
            Self::Show { id, server } => args(server, PruneOperation::Show { id }),
            Self::Approve { id, yes, server } => args(server, PruneOperation::Approve { id, yes }),
            Self::Reject { id, server } => args(server, PruneOperation::Reject { id }),
        }
    }
}
