//! The commands about who may use a server: `account`, `token` and `audit`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use entrepot_api::Role;

use super::server::ServerArgs;
use crate::commands::{
    accounts::{Accounts, Verb},
    password::Password,
};

#[derive(Subcommand)]
pub(super) enum AccountCommand {
    /// List accounts
    Ls {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Create an account with a password, or a robot, which has API tokens only
    Add {
        /// Its name: lower-case letters, digits, `.`, `_` and `-`
        #[arg(value_name = "NAME")]
        name: String,
        /// Its role: `admin`, `operator`, `user` or `viewer`
        #[arg(long, value_name = "ROLE", value_enum, hide_possible_values = true, default_value = "user")]
        role: RoleWord,
        /// Make a robot: no password, API tokens only
        #[arg(long, conflicts_with = "password_stdin")]
        robot: bool,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Set the password of an account; the first one is that of `admin`
    Password {
        /// The account
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Change the role of an account
    Role {
        /// The account
        #[arg(value_name = "NAME")]
        name: String,
        /// The new role: `admin`, `operator`, `user` or `viewer`
        #[arg(value_name = "ROLE", value_enum, hide_possible_values = true)]
        role: RoleWord,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Disable an account: nobody can log in, and its tokens stop working at once
    Disable {
        /// The account
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Enable an account that is disabled
    Enable {
        /// The account
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Remove an account with all its API tokens
    Rm {
        /// The account
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Subcommand)]
pub(super) enum TokenCommand {
    /// List API tokens, without their secrets
    Ls {
        /// Only those of this account
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Create an API token and print it, once
    Create {
        /// Its name, for people
        #[arg(value_name = "NAME")]
        name: String,
        /// The account that it is for [default: your own]
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// What it may do, such as `pull:docker.io/library/**` or `pull,push:local/app`; repeat for more
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<String>,
        /// How long it lives, such as `90d` [default: for ever]
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        expires: Option<Duration>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Print a new secret for an API token; the one so far works for another 24 hours
    Renew {
        /// The token's id, as listed by `entrepot token ls`
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Remove an API token: it stops working at once
    Rm {
        /// The token's id, as listed by `entrepot token ls`
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Args)]
pub(super) struct AuditArgs {
    /// Only what this one did, such as `account:alice` or `owner`
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Maximum number of entries
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 50)]
    count: usize,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct PasswordArgs {
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
}

/// The words for a [`Role`].
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum RoleWord {
    Admin,
    Operator,
    User,
    Viewer,
}

impl AccountCommand {
    pub(super) fn into_args(self) -> Accounts {
        match self {
            Self::Ls { server } => args(server, Verb::List),
            Self::Add { name, role, robot, password, server } => {
                let password = (!robot).then(|| password.into_args());
                args(server, Verb::Add { name, role: role.into(), password })
            }
            Self::Password { name, password, server } => {
                args(server, Verb::SetPassword { name, password: password.into_args() })
            }
            Self::Role { name, role, server } => args(server, Verb::SetRole { name, role: role.into() }),
            Self::Disable { name, server } => args(server, Verb::SetDisabled { name, disabled: true }),
            Self::Enable { name, server } => args(server, Verb::SetDisabled { name, disabled: false }),
            Self::Rm { name, server } => args(server, Verb::Remove { name }),
        }
    }
}

impl TokenCommand {
    pub(super) fn into_args(self) -> Accounts {
        match self {
            Self::Ls { account, server } => args(server, Verb::Tokens { account }),
            Self::Create { name, account, scopes, expires, server } => {
                args(server, Verb::CreateToken { name, account, scopes, lifetime: expires })
            }
            Self::Renew { id, server } => args(server, Verb::RenewToken { id }),
            Self::Rm { id, server } => args(server, Verb::RemoveToken { id }),
        }
    }
}

impl AuditArgs {
    pub(super) fn into_args(self) -> Accounts {
        args(self.server, Verb::Audit { actor: self.actor, count: self.count })
    }
}

impl PasswordArgs {
    pub(super) fn into_args(self) -> Password {
        if self.password_stdin { Password::OnInput } else { Password::Asked }
    }
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Admin => Self::Admin,
            RoleWord::Operator => Self::Operator,
            RoleWord::User => Self::User,
            RoleWord::Viewer => Self::Viewer,
        }
    }
}

fn args(server: ServerArgs, verb: Verb) -> Accounts {
    Accounts { to: server.addressed(), verb }
}
