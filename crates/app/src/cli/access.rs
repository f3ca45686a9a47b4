//! The commands about who would have which rights: `access`.

use clap::{Args, Subcommand};

use super::{
    accounts::PasswordArgs,
    common::{FileArgs, OutputArgs},
};
use crate::commands::access_test::{AccessTest, Asked};

#[derive(Subcommand)]
pub(super) enum AccessCommand {
    /// Ask the OpenID provider or LDAP directory of a configuration who somebody is, and show the role
    Test {
        #[command(subcommand)]
        of: TestCommand,
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
    pub(super) fn into_args(self) -> AccessTest {
        match self {
            Self::Test { of: TestCommand::Oidc(OidcArgs { token_stdin, file, output }) } => AccessTest {
                file: file.config,
                of: Asked::Oidc { has_token: token_stdin },
                output: output.output,
            },
            Self::Test { of: TestCommand::Ldap(LdapArgs { user, password, file, output }) } => AccessTest {
                file: file.config,
                of: Asked::Ldap { user, password: password.into_args() },
                output: output.output,
            },
        }
    }
}
