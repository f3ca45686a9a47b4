//! The commands about what a server keeps secret: `credentials` and `secrets`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use entrepot_credentials::LoginTarget;
use url::Url;

use super::{
    accounts::PasswordArgs,
    action::Action,
    common::{FileArgs, OutputArgs},
    server::ServerArgs,
};
use crate::{
    commands::credentials::{Add, CredentialOperation, Credentials, reset::Reset},
    config::Overrides,
};

#[derive(Subcommand)]
pub(super) enum CredentialsCommand {
    /// List the stored credentials of other registries, without their passwords
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Store a credential for a registry; the password is prompted for
    Add(AddArgs),
    /// Give a stored credential a new password
    Password {
        /// The credential, as listed by `entrepot credentials list`
        #[arg(value_name = "NAME")]
        name: String,
        /// The new name of its account, if that changes too
        #[arg(short, long, value_name = "NAME")]
        username: Option<String>,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Remove a stored credential: it is not used any more
    #[command(visible_alias = "rm")]
    Remove {
        /// The credential, as listed by `entrepot credentials list`
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Ask the registry whether it takes a stored credential; the exit code is 1 if not
    Verify {
        /// The credential, as listed by `entrepot credentials list`
        #[arg(value_name = "NAME")]
        name: String,
        /// A repository of the registry that the account should see, such as `acme/app`
        #[arg(long, value_name = "REPOSITORY")]
        repository: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Store the logins of a credentials file of Docker or podman, and of its credential helpers
    Import {
        /// The file [default: where `docker login` and `podman login` keep them]
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// Give credentials that are there already the password of the file
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Args)]
pub(super) struct AddArgs {
    /// The registry, or a namespace in it: `docker.io`, `quay.io/acme`
    #[arg(value_name = "HOST[/NAMESPACE]")]
    target: LoginTarget,
    /// The user name at the registry
    #[arg(short, long, value_name = "NAME")]
    username: String,
    /// A name for it, if there are several for the same registry [default: HOST[/NAMESPACE]]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The only endpoint of the registry that may see it, if the configuration has other ones
    #[arg(long, value_name = "URL")]
    endpoint: Option<Url>,
    #[command(flatten)]
    password: PasswordArgs,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Subcommand)]
pub(super) enum SecretsCommand {
    /// Show where the key is that secrets are sealed with, and how many values each key sealed
    Status {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Seal everything with a new key while the server runs, and replace the key that signs registry tokens
    Rotate {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Print a new key, for `secrets: {key: env:NAME}` or a mounted key file
    Key,
    /// Remove everything that is sealed, because its key is lost; the server must be stopped
    Reset {
        #[command(flatten)]
        file: FileArgs,
        /// The data directory, overriding the configuration
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        data: Option<PathBuf>,
        /// Remove it without asking
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
}

impl CredentialsCommand {
    pub(super) fn into_args(self) -> Credentials {
        match self {
            Self::List { server } => args(server, CredentialOperation::List),
            Self::Add(AddArgs { target, username, name, endpoint, password, server }) => {
                let password = password.into_args();
                args(server, CredentialOperation::Add(Add { target, name, endpoint, username, password }))
            }
            Self::Password { name, username, password, server } => args(
                server,
                CredentialOperation::SetPassword { name, username, password: password.into_args() },
            ),
            Self::Remove { name, server } => args(server, CredentialOperation::Remove { name }),
            Self::Verify { name, repository, server } => {
                args(server, CredentialOperation::Verify { name, repository })
            }
            Self::Import { file, replace, server } => {
                args(server, CredentialOperation::Import { file, replace })
            }
        }
    }
}

impl SecretsCommand {
    pub(super) fn into_args(self) -> Action {
        match self {
            Self::Status { server } => Action::Credentials(args(server, CredentialOperation::Status)),
            Self::Rotate { server } => Action::Credentials(args(server, CredentialOperation::Rotate)),
            Self::Key => Action::SecretKey,
            Self::Reset { file, data, yes, output } => {
                let over = Overrides { listen: None, data };
                Action::SecretReset(Reset { file: file.config, over, yes, output: output.output })
            }
        }
    }
}

fn args(server: ServerArgs, operation: CredentialOperation) -> Credentials {
    Credentials { to: server.addressed(), operation }
}
