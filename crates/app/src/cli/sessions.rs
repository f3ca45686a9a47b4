//! The commands about who is logged in to a server with a browser: `session`.

use clap::Subcommand;

use super::server::ServerArgs;
use crate::commands::accounts::{AccountOperation, Accounts};

#[derive(Subcommand)]
pub(super) enum SessionCommand {
    /// List who is logged in with a browser
    Ls {
        /// Only the sessions of this account
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// End a session, or all of an account: the next request with it is refused
    End {
        /// The session's id, as listed by `entrepot session ls`
        #[arg(value_name = "ID", required_unless_present = "account")]
        id: Option<String>,
        /// All sessions of this account
        #[arg(long, value_name = "NAME", conflicts_with = "id")]
        account: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
}

impl SessionCommand {
    pub(super) fn into_args(self) -> Accounts {
        match self {
            Self::Ls { account, server } => {
                Accounts { to: server.addressed(), operation: AccountOperation::Sessions { account } }
            }
            Self::End { id, account, server } => {
                // Clap makes sure that there is one of the two.
                let operation = match account {
                    Some(account) => AccountOperation::EndSessions { account },
                    None => AccountOperation::EndSession { id: id.unwrap_or_default() },
                };
                Accounts { to: server.addressed(), operation }
            }
        }
    }
}
