//! What is asked of a server that runs rules: `sync run` and `sync runs`.

use clap::Args;
use secrecy::SecretString;

use super::OutputArgs;
use crate::commands::runs::{Runs, Verb};

#[derive(Args)]
pub(super) struct RunArgs {
    /// The rule
    #[arg(value_name = "NAME")]
    rule: String,
    /// Only this image of it: `quay.io/ascend/cann` or `quay.io/ascend/cann:8.0`
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Show how far it is, and come back when it has ended; exit code 1 if anything failed
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct RunsArgs {
    /// Only those of this rule
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// So many
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
    count: usize,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
struct ServerArgs {
    /// The server
    #[arg(long, value_name = "URL", env = "ENTREPOT_SERVER", default_value = "http://127.0.0.1:5000")]
    server: String,
    /// What its `api_token` says, if it is on another machine
    #[arg(long, value_name = "TOKEN", env = "ENTREPOT_API_TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
    #[command(flatten)]
    output: OutputArgs,
}

impl RunArgs {
    pub(super) fn meant(self) -> Runs {
        self.server.meant(Verb::Run { rule: self.rule, image: self.image, wait: self.wait })
    }
}

impl RunsArgs {
    pub(super) fn meant(self) -> Runs {
        self.server.meant(Verb::List { rule: self.rule, count: self.count })
    }
}

impl ServerArgs {
    fn meant(self, verb: Verb) -> Runs {
        Runs { server: self.server, token: self.token, output: self.output.output, verb }
    }
}
