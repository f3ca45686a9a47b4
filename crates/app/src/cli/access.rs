//! The commands about rights: `access`.

use clap::Subcommand;

use super::server::ServerArgs;
use crate::commands::access::{Access, Verb};

#[derive(Subcommand)]
pub(super) enum AccessCommand {
    /// Say whether somebody may do something to a repository, and by which rule; exit code 1 if they may not
    Explain {
        /// Who: `anonymous`, `local`, `account:NAME`, `token:NAME` or `group:NAME`
        #[arg(value_name = "PRINCIPAL")]
        principal: String,
        /// What: `pull`, `push`, `delete` or `request`
        #[arg(value_name = "ACTION")]
        action: String,
        /// The repository, as clients name it: `nginx`, `docker.io/acme/web`, `local/app`
        #[arg(value_name = "REPOSITORY")]
        repository: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Work with rights beyond those of roles
    #[command(subcommand)]
    Grants(GrantsCommand),
}

#[derive(Subcommand)]
pub(super) enum GrantsCommand {
    /// List grants: those of the configuration, and those that were made with `add`
    #[command(visible_alias = "list")]
    Ls {
        /// Only those to this one, such as `account:alice`
        #[arg(long, value_name = "WHO")]
        to: Option<String>,
        /// Only those that cover this repository, named in full
        #[arg(long, value_name = "NAME")]
        repository: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Grant a right, at once
    Add {
        /// To whom: `anonymous`, `account:NAME`, `group:NAME` or `role:ROLE`
        #[arg(long, value_name = "WHO")]
        to: String,
        /// What, separated by commas: `pull`, `push`, `delete`, `request`
        #[arg(long, value_name = "VERBS", value_delimiter = ',', required = true)]
        may: Vec<String>,
        /// The repositories, such as `local/app` or `docker.io/acme/**`
        #[arg(value_name = "REPOSITORY", required = true)]
        repositories: Vec<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Take a grant back, at once; those of the configuration are changed there
    #[command(visible_alias = "remove")]
    Rm {
        /// The grant's id, as listed by `entrepot access grants ls`
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
}

impl AccessCommand {
    pub(super) fn into_args(self) -> Access {
        match self {
            Self::Explain { principal, action, repository, server } => {
                args(server, Verb::Explain { principal, action, repository })
            }
            Self::Grants(grants) => grants.into_args(),
        }
    }
}

impl GrantsCommand {
    fn into_args(self) -> Access {
        match self {
            Self::Ls { to, repository, server } => args(server, Verb::Grants { to, repository }),
            Self::Add { to, may, repositories, server } => args(server, Verb::Add { to, may, repositories }),
            Self::Rm { id, server } => args(server, Verb::Remove { id }),
        }
    }
}

fn args(server: ServerArgs, verb: Verb) -> Access {
    Access { to: server.addressed(), verb }
}
