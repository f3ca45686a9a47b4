//! `entrepot account key`: one's own public key.

use std::path::PathBuf;

use clap::Subcommand;

use super::server::ServerArgs;
use crate::commands::accounts::{AccountOperation, Accounts};

#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Set your public key; what runs by the one so far ends
    Set {
        /// The file with the public key, such as `~/.ssh/id_ed25519.pub`, or `-` for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show your public key and its fingerprint
    Show {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Remove your public key; what runs by it ends
    Rm {
        #[command(flatten)]
        server: ServerArgs,
    },
}

impl KeyCommand {
    pub(super) fn into_args(self) -> Accounts {
        let (server, operation) = match self {
            Self::Set { file, server } => (server, AccountOperation::SetKey { file }),
            Self::Show { server } => (server, AccountOperation::ShowKey),
            Self::Rm { server } => (server, AccountOperation::RemoveKey),
        };
        Accounts { to: server.addressed(), operation }
    }
}
