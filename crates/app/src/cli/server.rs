//! The commands for a server's runs: `sync run`, `sync runs` and `sync cancel`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use secrecy::SecretString;

use super::common::{FileArgs, OutputArgs};
use crate::{
    client::{ServerLocation, ServerTarget},
    commands::runs::{Runs, RunsOperation},
    output::Output,
};

#[derive(Args)]
pub(super) struct RunArgs {
    /// The rule's name
    #[arg(value_name = "NAME")]
    rule: String,
    /// Only this image: `quay.io/ascend/cann` or `quay.io/ascend/cann:8.0`
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Show progress until the run ends; exit code 1 if anything failed
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct RunsArgs {
    /// Only runs of this rule
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// Maximum number of runs
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
    count: usize,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct CancelArgs {
    /// The run's id, as listed by `entrepot sync runs`
    #[arg(value_name = "RUN")]
    run: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// A server, and how to answer.
#[derive(Args)]
pub(super) struct ServerArgs {
    #[command(flatten)]
    at: ServerAddressArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// A server.
#[derive(Args)]
pub(super) struct ServerAddressArgs {
    /// The server [default: the one using the data directory, else http://127.0.0.1:5000]
    #[arg(long, value_name = "URL", env = "ENTREPOT_SERVER")]
    server: Option<String>,
    #[command(flatten)]
    file: FileArgs,
    /// The data directory, overriding the configuration
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: Option<PathBuf>,
    /// The server's `api_token`, or an API token, if it is on another machine
    #[arg(long, value_name = "TOKEN", env = "ENTREPOT_API_TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
}

impl RunArgs {
    pub(super) fn into_args(self) -> Runs {
        self.server.into_args(RunsOperation::Run { rule: self.rule, image: self.image, wait: self.wait })
    }
}

impl RunsArgs {
    pub(super) fn into_args(self) -> Runs {
        self.server.into_args(RunsOperation::List { rule: self.rule, count: self.count })
    }
}

impl CancelArgs {
    pub(super) fn into_args(self) -> Runs {
        self.server.into_args(RunsOperation::Cancel { run: self.run })
    }
}

impl ServerArgs {
    pub(super) fn addressed(self) -> ServerTarget {
        self.at.addressed(self.output.output)
    }

    fn into_args(self, operation: RunsOperation) -> Runs {
        Runs { to: self.addressed(), operation }
    }
}

impl ServerAddressArgs {
    pub(super) fn addressed(self, output: Output) -> ServerTarget {
        let server = match self.server {
            Some(server) => ServerLocation::At(server),
            None => ServerLocation::Here { file: self.file.config, data: self.data },
        };
        ServerTarget { server, token: self.token, output }
    }
}
