//! The commands about instances: `run`, `ps`, `logs`, `exec`, `stats`, `start`, `stop`, `restart`, `rename`, `reimage`, `commit`, `extend`, `rm`, and
//! about what is free and what they left: `free`, `volumes`.

use std::time::{Duration, SystemTime};

use clap::{ArgAction, Args, ValueEnum};
use entrepot_api::{InstanceLogQuery, InstanceVolumes, Timestamp};

use super::server::ServerArgs;
use crate::commands::{
    exec::{Exec, ExecOptions},
    instances::{Expiry, InstanceOperation, InstanceOptions, Instances},
};

#[derive(Args)]
pub(super) struct RunArgs {
    /// The entry of the library, by its name or id
    #[arg(value_name = "ENTRY")]
    entry: String,
    /// The spec, by its name or id
    #[arg(long, value_name = "SPEC")]
    spec: String,
    /// A name for the instance [default: the entry's, with a number]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The id of the node [default: the one with the best fit]
    #[arg(long, value_name = "ID")]
    node: Option<u32>,
    /// Only a node of this region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Set a variable; may be repeated
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = variable, action = ArgAction::Append)]
    env: Vec<(String, String)>,
    /// Publish a port of the container on the node; may be repeated
    #[arg(short, long, value_name = "PORT", action = ArgAction::Append)]
    publish: Vec<u16>,
    /// Where its data volume is [default: /data]
    #[arg(long, value_name = "PATH", conflicts_with = "no_data")]
    data_path: Option<String>,
    /// Without a data volume
    #[arg(long)]
    no_data: bool,
    /// A volume that another instance left, as listed by `entrepot volumes`
    #[arg(long, value_name = "VOLUME", conflicts_with = "no_data")]
    volume: Option<String>,
    /// Stop it after this time, such as `8h`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    stop_after: Option<Duration>,
    /// Remove it after this time; its data volume stays
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    release_after: Option<Duration>,
    /// Do not wait until it runs
    #[arg(short, long)]
    detach: bool,
    /// What it starts, in place of the image's arguments
    #[arg(value_name = "COMMAND", last = true)]
    command: Vec<String>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct PsArgs {
    /// Only instances with this in their name
    #[arg(value_name = "TEXT")]
    search: Option<String>,
    /// Also those of others
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct InstanceArgs {
    /// The instance, by its name or id
    #[arg(value_name = "INSTANCE")]
    instance: String,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct ExecArgs {
    /// The instance, by its name or id
    #[arg(value_name = "INSTANCE")]
    instance: String,
    /// Let the program read the input of this command
    #[arg(short, long)]
    interactive: bool,
    /// Give the program a terminal
    #[arg(short, long)]
    tty: bool,
    /// Run it as this user of the container
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// The program and its arguments [default: a shell]
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    command: Vec<String>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct StartArgs {
    /// The instance, by its name or id
    #[arg(value_name = "INSTANCE")]
    instance: String,
    /// Without its cards, to copy data where no card is free
    #[arg(long)]
    no_cards: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct RmArgs {
    /// The instance, by its name or id
    #[arg(value_name = "INSTANCE")]
    instance: String,
    /// What becomes of its volumes
    #[arg(long, value_name = "WHAT", value_enum)]
    volumes: Volumes,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Volumes {
    Keep,
    Remove,
}

#[derive(Args)]
pub(super) struct RenameArgs {
    /// The instance, by its name or id
    #[arg(value_name = "INSTANCE")]
    instance: String,
    /// Its new name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct ReimageArgs {
    /// The instance, by its name or id
    #[arg(value_name = "INSTANCE")]
    instance: String,
    /// The entry of the library, by its name or id
    #[arg(value_name = "ENTRY")]
    entry: String,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct CommitArgs {
    /// The instance, by its name or id
    #[arg(value_name = "INSTANCE")]
    instance: String,
    /// The name of the image on this server, such as `my-torch:1` or `local/team/torch:1`
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Add an entry of this name to the library
    #[arg(long, value_name = "NAME")]
    entry: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct ExtendArgs {
    /// The instance, by its name or id
    #[arg(value_name = "INSTANCE")]
    instance: String,
    /// Stop it after this time from now, or `never`
    #[arg(long, value_name = "TIME", value_parser = end, required_unless_present = "release_after")]
    stop_after: Option<Expiry>,
    /// Remove it after this time from now, or `never`; its data volume stays
    #[arg(long, value_name = "TIME", value_parser = end)]
    release_after: Option<Expiry>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct LogsArgs {
    /// The instance, by its name or id
    #[arg(value_name = "INSTANCE")]
    instance: String,
    /// Only so many lines from the end, at most 10000 [default: 1000]
    #[arg(short = 'n', long, value_name = "LINES", value_parser = clap::value_parser!(u32).range(..=10_000))]
    tail: Option<u32>,
    /// Go on with what is printed later, until it ends
    #[arg(short, long)]
    follow: bool,
    /// Put the time in front of each line
    #[arg(short, long)]
    timestamps: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct FreeArgs {
    /// Only in this region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Have the server's webhooks told when this spec is free
    #[arg(long, value_name = "SPEC", conflicts_with_all = ["region", "forget"])]
    notify: Option<String>,
    /// Wait for this spec no longer
    #[arg(long, value_name = "SPEC", conflicts_with = "region")]
    forget: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct VolumesArgs {
    #[command(flatten)]
    server: ServerArgs,
}

impl RunArgs {
    pub(super) fn into_args(self) -> Instances {
        let Self { entry, spec, name, node, region, env, publish, data_path, no_data, volume, .. } = self;
        let run = InstanceOptions {
            entry,
            spec,
            name,
            node,
            region,
            environment: env.into_iter().collect(),
            ports: publish,
            data: if no_data { Some(None) } else { data_path.map(Some) },
            volume,
            stop_at: self.stop_after.map(from_now),
            release_at: self.release_after.map(from_now),
            command: Some(self.command).filter(|command| !command.is_empty()),
            waits: !self.detach,
        };
        args(self.server, InstanceOperation::Run(Box::new(run)))
    }
}

impl PsArgs {
    pub(super) fn into_args(self) -> Instances {
        args(self.server, InstanceOperation::List { search: self.search, all: self.all })
    }
}

impl InstanceArgs {
    pub(super) fn stop(self) -> Instances {
        args(self.server, InstanceOperation::Stop { instance: self.instance })
    }

    pub(super) fn stats(self) -> Instances {
        args(self.server, InstanceOperation::Stats { instance: self.instance })
    }

    pub(super) fn restart(self) -> Instances {
        args(self.server, InstanceOperation::Restart { instance: self.instance })
    }
}

impl ExecArgs {
    pub(super) fn into_args(self) -> Exec {
        let Self { instance, interactive, tty, user, command, server } = self;
        Exec {
            to: server.addressed(),
            instance,
            options: ExecOptions { command, interactive, terminal: tty, user },
        }
    }
}

impl StartArgs {
    pub(super) fn into_args(self) -> Instances {
        args(self.server, InstanceOperation::Start { instance: self.instance, with_cards: !self.no_cards })
    }
}

impl RmArgs {
    pub(super) fn into_args(self) -> Instances {
        let volumes = match self.volumes {
            Volumes::Keep => InstanceVolumes::Keep,
            Volumes::Remove => InstanceVolumes::Remove,
        };
        args(self.server, InstanceOperation::Remove { instance: self.instance, volumes })
    }
}

impl RenameArgs {
    pub(super) fn into_args(self) -> Instances {
        args(self.server, InstanceOperation::Rename { instance: self.instance, name: self.name })
    }
}

impl ReimageArgs {
    pub(super) fn into_args(self) -> Instances {
        args(self.server, InstanceOperation::Reimage { instance: self.instance, entry: self.entry })
    }
}

impl CommitArgs {
    pub(super) fn into_args(self) -> Instances {
        let Self { instance, image, entry, server } = self;
        args(server, InstanceOperation::Commit { instance, image, entry })
    }
}

impl ExtendArgs {
    pub(super) fn into_args(self) -> Instances {
        let Self { instance, stop_after, release_after, server } = self;
        args(server, InstanceOperation::Extend { instance, stop_after, release_after })
    }
}

impl LogsArgs {
    pub(super) fn into_args(self) -> Instances {
        let Self { instance, tail, follow, timestamps, server } = self;
        let flag = |is_set: bool| is_set.then_some(true);
        let query = InstanceLogQuery { tail, follow: flag(follow), timestamps: flag(timestamps) };
        args(server, InstanceOperation::Logs { instance, query })
    }
}

impl FreeArgs {
    pub(super) fn into_args(self) -> Instances {
        let Self { region, notify, forget, server } = self;
        let operation = match (notify, forget) {
            (Some(spec), _) => InstanceOperation::WaitFor { spec },
            (None, Some(spec)) => InstanceOperation::Forget { spec },
            (None, None) => InstanceOperation::Free { region },
        };
        args(server, operation)
    }
}

impl VolumesArgs {
    pub(super) fn into_args(self) -> Instances {
        args(self.server, InstanceOperation::Volumes)
    }
}

fn args(server: ServerArgs, operation: InstanceOperation) -> Instances {
    Instances { to: server.addressed(), operation }
}

fn from_now(after: Duration) -> Timestamp {
    (SystemTime::now() + after).into()
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write `NAME=VALUE`")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn end(text: &str) -> Result<Expiry, humantime::DurationError> {
    match text {
        "never" => Ok(Expiry::Never),
        text => humantime::parse_duration(text).map(|after| Expiry::At(from_now(after))),
    }
}
