//! The commands about how much may be pulled: `limits`.

use std::time::Duration;

use clap::Subcommand;

use super::{action::Action, server::ServerArgs};
use crate::commands::limits::{LimitsOperation, LimitsOptions};

#[derive(Subcommand)]
pub(super) enum LimitsCommand {
    /// Show the limits and bans that are in force on a server
    #[command(visible_alias = "list")]
    Ls {
        /// Print the networks that are banned instead, one a line, for a firewall or CDN
        #[arg(long)]
        cidr: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show as what a server counts you, and what you have left
    Me {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show what the id of a refusal or ban stands for
    Show {
        /// The id that a client was told
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Ban an address, a network or an account
    Ban {
        /// Whom: `203.0.113.7`, `2001:db8::/48` or `account:alice`
        #[arg(value_name = "WHOM")]
        subject: String,
        /// Why; they are told
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// For how long, such as `24h`; without it, until somebody lifts it
        #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
        time: Option<Duration>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Lift a ban
    Lift {
        /// The ban's id, or whom it is of
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
}

impl LimitsCommand {
    pub(super) fn into_action(self) -> Action {
        let ask = |server: ServerArgs, operation| {
            Action::Limits(LimitsOptions { to: server.addressed(), operation })
        };
        match self {
            Self::Ls { cidr, server } => {
                ask(server, if cidr { LimitsOperation::Cidr } else { LimitsOperation::Ls })
            }
            Self::Me { server } => ask(server, LimitsOperation::Me),
            Self::Show { id, server } => ask(server, LimitsOperation::Show { id }),
            Self::Ban { subject, reason, time, server } => {
                ask(server, LimitsOperation::Ban { subject, reason, time })
            }
            Self::Lift { id, server } => ask(server, LimitsOperation::Lift { id }),
        }
    }
}
