//! The commands about requests for images: `request`.

use clap::{Args, Subcommand, ValueEnum};
use entrepot_api::{ImageRequestListQuery, ImageRequestStatus, NewImageRequest};

use super::server::ServerArgs;
use crate::{
    commands::requests::{Follow, RequestOperation, Requests},
    log::Verbosity,
};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct RequestArgs {
    /// The image, as people write or copy it: `nginx:1.27`, `docker pull nginx`, the address of its page
    #[arg(value_name = "IMAGE", required = true)]
    image: Option<String>,
    /// A platform to fetch, such as `linux/arm64`; may be repeated [default: those of the server's configuration]
    #[arg(long = "platform", value_name = "PLATFORM")]
    platforms: Vec<String>,
    /// Only show what there is to it, and how many requests would come before it
    #[arg(long)]
    dry_run: bool,
    /// Return at once, and let it go on
    #[arg(long, conflicts_with = "dry_run")]
    detach: bool,
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Option<RequestCommand>,
}

#[derive(Subcommand)]
enum RequestCommand {
    /// List requests: your own, or all if you may inspect the server
    #[command(visible_alias = "list")]
    Ls {
        /// Only requests of this status
        #[arg(long, value_name = "STATUS", value_enum)]
        status: Option<RequestStatusArg>,
        /// Maximum number of requests
        #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
        count: usize,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show a request
    Show(RequestIdArgs),
    /// Take a request back; it is stopped if nobody else asks for the image
    Cancel(RequestIdArgs),
}

#[derive(Args)]
struct RequestIdArgs {
    /// The request's id, as listed by `entrepot request ls`
    #[arg(value_name = "ID")]
    id: u32,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum RequestStatusArg {
    Queued,
    Running,
    Done,
    Failed,
    Canceled,
}

impl RequestArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> Requests {
        match self.command {
            Some(RequestCommand::Ls { status, count, server }) => {
                let status = status.map(RequestStatusArg::spoken);
                let query = ImageRequestListQuery { status, n: Some(count), last: None };
                Requests { to: server.addressed(), operation: RequestOperation::List(query) }
            }
            Some(RequestCommand::Show(RequestIdArgs { id, server })) => {
                Requests { to: server.addressed(), operation: RequestOperation::Show(id) }
            }
            Some(RequestCommand::Cancel(RequestIdArgs { id, server })) => {
                Requests { to: server.addressed(), operation: RequestOperation::Cancel(id) }
            }
            None => {
                let new =
                    NewImageRequest { image: self.image.unwrap_or_default(), platforms: self.platforms };
                let operation = match (self.dry_run, self.detach) {
                    (true, _) => RequestOperation::Look(new),
                    (false, true) => RequestOperation::Ask(new, Follow::No),
                    (false, false) => RequestOperation::Ask(new, Follow::ToItsEnd(verbosity)),
                };
                Requests { to: self.server.addressed(), operation }
            }
        }
    }
}

impl RequestStatusArg {
    fn spoken(self) -> ImageRequestStatus {
        match self {
            Self::Queued => ImageRequestStatus::Queued,
            Self::Running => ImageRequestStatus::Running,
            Self::Done => ImageRequestStatus::Done,
            Self::Failed => ImageRequestStatus::Failed,
            Self::Canceled => ImageRequestStatus::Canceled,
        }
    }
}
