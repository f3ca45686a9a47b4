//! The commands about rights: `access`.

use clap::{Args, Subcommand};

use super::{
    accounts::PasswordArgs,
    action::Action,
    common::{FileArgs, OutputArgs},
    server::ServerArgs,
};
use crate::commands::{
    access::{AccessOperation, AccessOptions},
    access_test::{AccessTest, IdentityQuery},
};

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
    /// Ask the OpenID provider or LDAP directory of a configuration who somebody is, and show the role
    Test {
        #[command(subcommand)]
        of: TestCommand,
    },
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

#[derive(Subcommand)]
pub(super) enum TestCommand {
    /// Ask the OpenID provider: does it answer, does it accept us, and whose ID token is this?
    Oidc(OidcArgs),
    /// Log in to the LDAP directory as somebody
    Ldap(LdapArgs),
}

#[derive(Args)]
pub(super) struct OidcArgs {
    /// Read an ID token from standard input, and show its claims, groups and role
    #[arg(long)]
    token_stdin: bool,
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Args)]
pub(super) struct LdapArgs {
    /// The user, as they type their name
    #[arg(short, long, value_name = "NAME")]
    user: String,
    #[command(flatten)]
    password: PasswordArgs,
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl AccessCommand {
    pub(super) fn into_action(self) -> Action {
        match self {
            Self::Explain { principal, action, repository, server } => {
                Action::Access(args(server, AccessOperation::Explain { principal, action, repository }))
            }
            Self::Grants(grants) => Action::Access(grants.into_args()),
            Self::Test { of } => Action::AccessTest(of.into_args()),
        }
    }
}

impl TestCommand {
    fn into_args(self) -> AccessTest {
        match self {
            Self::Oidc(OidcArgs { token_stdin, file, output }) => AccessTest {
                file: file.config,
                of: IdentityQuery::Oidc { has_token: token_stdin },
                output: output.output,
            },
            Self::Ldap(LdapArgs { user, password, file, output }) => AccessTest {
                file: file.config,
                of: IdentityQuery::Ldap { user, password: password.into_args() },
                output: output.output,
            },
        }
    }
}

impl GrantsCommand {
    fn into_args(self) -> AccessOptions {
        match self {
            Self::Ls { to, repository, server } => args(server, AccessOperation::Grants { to, repository }),
            Self::Add { to, may, repositories, server } => {
                args(server, AccessOperation::Add { to, may, repositories })
            }
            Self::Rm { id, server } => args(server, AccessOperation::Remove { id }),
        }
    }
}

fn args(server: ServerArgs, operation: AccessOperation) -> AccessOptions {
    AccessOptions { to: server.addressed(), operation }
}
