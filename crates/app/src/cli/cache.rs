//! `entrepot cache`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use entrepot_api::CachePinSource;
use entrepot_oci::{Digest, Rate, Size};

use crate::{commands::cache, config::Overrides, log::Verbosity, output::Output};

#[derive(Args)]
pub(super) struct CacheArgs {
    /// The configuration file [env: ENTREPOT_CONFIG] [default: ./entrepot.yaml, if it exists]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, global = true)]
    config: Option<PathBuf>,
    /// The data directory, overriding the configuration
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, global = true)]
    data: Option<PathBuf>,
    /// Output format: `text` for people, `json` for programs
    #[arg(
        long,
        value_name = "FORM",
        value_enum,
        hide_possible_values = true,
        default_value_t,
        global = true
    )]
    output: Output,
    #[command(subcommand)]
    command: CacheCommand,
}

#[derive(Subcommand)]
enum CacheCommand {
    /// List repositories, or the images of one
    Ls {
        /// A repository: `nginx`, `docker.io/library/nginx`, `local/app`
        name: Option<cache::Repository>,
        /// Only repositories whose full name starts with this
        #[arg(long, value_name = "PREFIX", conflicts_with = "name")]
        prefix: Option<String>,
    },
    /// Show totals
    Stat,
    /// Compare stored bytes with records; the exit code is 1 if they disagree
    Verify {
        /// Delete bytes without a record, and forget mirrored content whose bytes are lost
        #[arg(long)]
        repair: bool,
        /// Repair also if most of what is held would go
        #[arg(long, requires = "repair")]
        yes: bool,
    },
    /// Remove a repository, or one image of it, and content nothing else uses
    Rm {
        /// What to remove: `NAME`, `NAME:TAG` or `NAME@DIGEST`
        #[arg(value_name = "NAME[:TAG|@DIGEST]")]
        what: cache::Selection,
        /// Only show what would be removed
        #[arg(long)]
        dry_run: bool,
        /// Remove a whole repository without confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Evict the images that are worth least, as the limits demand
    Gc(GcArgs),
    /// Pin an image, so that it is not evicted
    Pin {
        /// The image: `NAME:TAG` or `NAME@DIGEST`
        #[arg(value_name = "NAME:TAG|NAME@DIGEST")]
        image: cache::Selection,
        /// Why, for others who wonder
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// How long, such as `30d` [default: until it is ended]
        #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
        time: Option<Duration>,
    },
    /// End pins: those of an image, of a source, or of whoever holds them
    Unpin(PinsArgs),
    /// List pins
    Pins(PinsArgs),
    /// Show what a larger disk would have saved in the last seven days
    Savings,
    /// Hash all that is held again; damaged content is set aside and fetched again
    Scrub {
        /// How much to read in a second, such as `100MiB/s` [default: mirror.scrub_rate]
        #[arg(long, value_name = "RATE", conflicts_with = "cancel")]
        rate: Option<Rate>,
        /// Cancel the scrub that is under way
        #[arg(long)]
        cancel: bool,
    },
    /// Show what caches of several sizes would have saved on an access log, under several policies
    Simulate {
        /// The server's log, with lines in JSON
        #[arg(value_name = "ACCESS-LOG", value_hint = ValueHint::FilePath, required_unless_present = "generated")]
        log: Option<PathBuf>,
        /// Generate pulls by this seed, instead of reading a log
        #[arg(long, value_name = "SEED", conflicts_with = "log")]
        generated: Option<u64>,
    },
}

#[derive(Args)]
struct GcArgs {
    /// Only show what would go, and the digest of that plan
    #[arg(long, conflicts_with_all = ["plan", "cancel"])]
    dry_run: bool,
    /// Evict exactly what the plan of this digest says
    #[arg(long, value_name = "DIGEST", conflicts_with = "cancel")]
    plan: Option<Digest>,
    /// Free so much, instead of what the limits demand
    #[arg(long, value_name = "SIZE", conflicts_with = "cancel")]
    free: Option<Size>,
    /// Cancel the eviction that is under way
    #[arg(long)]
    cancel: bool,
}

#[derive(Args)]
struct PinsArgs {
    /// The image: `NAME`, `NAME:TAG` or `NAME@DIGEST`
    #[arg(value_name = "NAME[:TAG|@DIGEST]")]
    image: Option<cache::Selection>,
    /// Only pins of this source
    #[arg(long, value_name = "SOURCE", value_enum)]
    source: Option<PinSourceArg>,
    /// Only pins that are held by this request, list, entry, instance or account
    #[arg(long, value_name = "NAME")]
    held_by: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum PinSourceArg {
    /// Requests for an image
    Requested,
    /// Keep lists
    Kept,
    /// Entries on the shelf of the library
    Shelf,
    /// Instances
    Instance,
    /// People
    Hand,
}

impl From<PinSourceArg> for CachePinSource {
    fn from(source: PinSourceArg) -> Self {
        match source {
            PinSourceArg::Requested => Self::Requested,
            PinSourceArg::Kept => Self::Kept,
            PinSourceArg::Shelf => Self::Shelf,
            PinSourceArg::Instance => Self::Instance,
            PinSourceArg::Hand => Self::Hand,
        }
    }
}

impl CacheArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> cache::Cache {
        let over = Overrides { listen: None, data: self.data };
        cache::Cache {
            file: self.config,
            over,
            output: self.output,
            verbosity,
            operation: self.command.into_args(),
        }
    }
}

impl CacheCommand {
    fn into_args(self) -> cache::CacheOperation {
        match self {
            Self::Ls { name: Some(name), .. } => cache::CacheOperation::Images(name),
            Self::Ls { name: None, prefix } => cache::CacheOperation::Repositories { prefix },
            Self::Stat => cache::CacheOperation::Count,
            Self::Verify { repair, yes } => cache::CacheOperation::Verify(cache::Repair { repair, yes }),
            Self::Rm { what, dry_run, yes } => cache::CacheOperation::Remove { what, dry_run, yes },
            Self::Gc(args) => cache::CacheOperation::Evict(args.into_args()),
            Self::Pin { image, reason, time } => {
                cache::CacheOperation::Pin(cache::NewPin { image, reason, time })
            }
            Self::Unpin(args) => cache::CacheOperation::Unpin(args.into_args()),
            Self::Pins(args) => cache::CacheOperation::Pins(args.into_args()),
            Self::Savings => cache::CacheOperation::Savings,
            Self::Scrub { cancel: true, .. } => cache::CacheOperation::Scrub(cache::Scrub::Cancel),
            Self::Scrub { rate, .. } => {
                cache::CacheOperation::Scrub(cache::Scrub::Now { rate: rate.map(Rate::as_bytes) })
            }
            Self::Simulate { log: Some(log), .. } => {
                cache::CacheOperation::Simulate(cache::TraceSource::Log(log))
            }
            Self::Simulate { generated, .. } => {
                cache::CacheOperation::Simulate(cache::TraceSource::Generated(generated.unwrap_or_default()))
            }
        }
    }
}

impl GcArgs {
    fn into_args(self) -> cache::Eviction {
        let free = self.free.map(Size::as_bytes);
        match self {
            Self { cancel: true, .. } => cache::Eviction::Cancel,
            Self { dry_run: true, .. } => cache::Eviction::DryRun { free },
            Self { plan, .. } => cache::Eviction::Now { plan, free },
        }
    }
}

impl PinsArgs {
    fn into_args(self) -> cache::Pins {
        cache::Pins { image: self.image, source: self.source.map(Into::into), held_by: self.held_by }
    }
}
