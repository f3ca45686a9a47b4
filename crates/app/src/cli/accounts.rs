//! The commands about who may use a server: `account`, `token` and `audit`.

use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand, ValueEnum};
use entrepot_api::{AuditOutcome, AuditQuery, Role, Timestamp};

use super::{
    account_key::KeyCommand,
    server::{ServerAddressArgs, ServerArgs},
};
use crate::{
    commands::{
        accounts::{AccountOperation, Accounts, Issue, issued::TokenFormat},
        password::Password,
    },
    output::Output,
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
    /// Your own public key, with which you reach your instances by SSH
    #[command(subcommand)]
    Key(KeyCommand),
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
        /// Only those that have expired or will within this time, the first to expire first
        #[arg(
            long,
            value_name = "TIME",
            num_args = 0..=1,
            default_missing_value = "7d",
            value_parser = humantime::parse_duration
        )]
        expiring: Option<Duration>,
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
        issue: IssueArgs,
    },
    /// Print a new secret for an API token; the one so far works for another 24 hours
    Renew {
        /// The token's id, as listed by `entrepot token ls`
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        issue: IssueArgs,
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

/// How a new token is printed.
#[derive(Args)]
pub(super) struct IssueArgs {
    /// Output format: `text`, `json`, or ready for a client: `dockerconfigjson`, `hosts.toml`, `registries.yaml`
    #[arg(long, value_name = "FORM", value_enum, hide_possible_values = true, default_value_t)]
    output: TokenOutput,
    /// How clients name this server: `m.example.com` [default: `--server`]
    #[arg(long, value_name = "HOST")]
    registry: Option<String>,
    #[command(flatten)]
    server: ServerAddressArgs,
}

/// The words for a [`TokenFormat`].
#[derive(Clone, Copy, Default, ValueEnum)]
pub(super) enum TokenOutput {
    #[default]
    Text,
    Json,
    #[value(name = "dockerconfigjson")]
    DockerConfigJson,
    #[value(name = "hosts.toml")]
    HostsToml,
    #[value(name = "registries.yaml")]
    RegistriesYaml,
}

#[derive(Args)]
pub(super) struct AuditArgs {
    /// Only what this one did, such as `account:alice` or `owner`
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Only this, such as `login`, `token.create` or `push`
    #[arg(long, value_name = "WHAT")]
    action: Option<String>,
    /// Only what was done to this, such as the name of an account
    #[arg(long, value_name = "TO")]
    object: Option<String>,
    /// Only what was `done`, `refused` or `failed`
    #[arg(long, value_name = "OUTCOME", value_enum, hide_possible_values = true)]
    outcome: Option<OutcomeWord>,
    /// Only what happened since: a time such as `2026-05-01T12:00:00Z`, or how long ago, such as `2h`
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only what happened before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// Go on printing what is done from now on
    #[arg(short, long, conflicts_with = "until")]
    follow: bool,
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

/// The words for an [`AuditOutcome`].
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum OutcomeWord {
    Done,
    Refused,
    Failed,
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
            Self::Ls { server } => args(server, AccountOperation::List),
            Self::Add { name, role, robot, password, server } => {
                let password = (!robot).then(|| password.into_args());
                args(server, AccountOperation::Add { name, role: role.into(), password })
            }
            Self::Password { name, password, server } => {
                args(server, AccountOperation::SetPassword { name, password: password.into_args() })
            }
            Self::Role { name, role, server } => {
                args(server, AccountOperation::SetRole { name, role: role.into() })
            }
            Self::Disable { name, server } => {
                args(server, AccountOperation::SetDisabled { name, disabled: true })
            }
            Self::Enable { name, server } => {
                args(server, AccountOperation::SetDisabled { name, disabled: false })
            }
            Self::Key(key) => key.into_args(),
            Self::Rm { name, server } => args(server, AccountOperation::Remove { name }),
        }
    }
}

impl TokenCommand {
    pub(super) fn into_args(self) -> Accounts {
        match self {
            Self::Ls { account, expiring, server } => {
                args(server, AccountOperation::Tokens { account, expiring })
            }
            Self::Create { name, account, scopes, expires, issue } => issue.into_args(|issue| {
                AccountOperation::CreateToken { name, account, scopes, lifetime: expires, issue }
            }),
            Self::Renew { id, issue } => issue.into_args(|issue| AccountOperation::RenewToken { id, issue }),
            Self::Rm { id, server } => args(server, AccountOperation::RemoveToken { id }),
        }
    }
}

impl AuditArgs {
    pub(super) fn into_args(self) -> Accounts {
        let query = AuditQuery {
            actor: self.actor,
            action: self.action,
            object: self.object,
            outcome: self.outcome.map(Into::into),
            since: self.since,
            until: self.until,
            n: Some(self.count),
            last: None,
        };
        args(self.server, AccountOperation::Audit { query, follow: self.follow })
    }
}

impl IssueArgs {
    fn into_args(self, operation: impl FnOnce(Issue) -> AccountOperation) -> Accounts {
        let issue = Issue { format: self.output.into(), registry: self.registry };
        Accounts { to: self.server.addressed(self.output.of_failures()), operation: operation(issue) }
    }
}

impl TokenOutput {
    /// The format of failures.
    pub(super) fn of_failures(self) -> Output {
        if matches!(self, Self::Json) { Output::Json } else { Output::Text }
    }
}

impl From<TokenOutput> for TokenFormat {
    fn from(word: TokenOutput) -> Self {
        match word {
            TokenOutput::Text => Self::Text,
            TokenOutput::Json => Self::Json,
            TokenOutput::DockerConfigJson => Self::DockerConfigJson,
            TokenOutput::HostsToml => Self::HostsToml,
            TokenOutput::RegistriesYaml => Self::RegistriesYaml,
        }
    }
}

impl From<OutcomeWord> for AuditOutcome {
    fn from(word: OutcomeWord) -> Self {
        match word {
            OutcomeWord::Done => Self::Done,
            OutcomeWord::Refused => Self::Refused,
            OutcomeWord::Failed => Self::Failed,
        }
    }
}

// A time, or how long ago.
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let ago = humantime::parse_duration(text);
    let ago = ago.map_err(|_| "write a time, `2026-05-01T12:00:00Z`, or how long ago, `2h`".to_owned())?;
    Ok(SystemTime::now().checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH).into())
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

fn args(server: ServerArgs, operation: AccountOperation) -> Accounts {
    Accounts { to: server.addressed(), operation }
}
