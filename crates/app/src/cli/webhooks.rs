//! The commands about what other servers are told of: `webhooks`.

use clap::Subcommand;
use entrepot_api::{WebhookDeliveryQuery, WebhookDeliveryStatus};

use super::server::ServerArgs;
use crate::commands::webhooks::{Webhooks, WebhooksOperation};

#[derive(Subcommand)]
pub(super) enum WebhooksCommand {
    /// List the webhooks of a server, and how deliveries to them stand
    #[command(visible_alias = "list")]
    Ls {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List the latest deliveries, and why they failed
    Deliveries {
        /// Only those to this webhook
        #[arg(value_name = "NAME")]
        webhook: Option<String>,
        /// Only those with this status: `waiting`, `delivered` or `failed`
        #[arg(long, value_name = "STATUS", value_enum, hide_possible_values = true)]
        status: Option<StatusWord>,
        /// Maximum number of deliveries
        #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
        count: usize,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Send a test to a webhook now; the exit code is 1 if it is not taken
    Test {
        /// The webhook, as listed by `entrepot webhooks ls`
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Have a delivery tried once more, now
    Redeliver {
        /// The delivery, as listed by `entrepot webhooks deliveries`
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum StatusWord {
    Waiting,
    Delivered,
    Failed,
}

impl From<StatusWord> for WebhookDeliveryStatus {
    fn from(word: StatusWord) -> Self {
        match word {
            StatusWord::Waiting => Self::Waiting,
            StatusWord::Delivered => Self::Delivered,
            StatusWord::Failed => Self::Failed,
        }
    }
}

impl WebhooksCommand {
    pub(super) fn into_args(self) -> Webhooks {
        let args = |server: ServerArgs, operation| Webhooks { to: server.addressed(), operation };
        match self {
            Self::Ls { server } => args(server, WebhooksOperation::Ls),
            Self::Deliveries { webhook, status, count, server } => {
                let status = status.map(Into::into);
                args(
                    server,
                    WebhooksOperation::Deliveries(WebhookDeliveryQuery {
                        webhook,
                        status,
                        before: None,
                        n: Some(count),
                    }),
                )
            }
            Self::Test { name, server } => args(server, WebhooksOperation::Test { name }),
            Self::Redeliver { id, server } => args(server, WebhooksOperation::Redeliver { id }),
        }
    }
}
