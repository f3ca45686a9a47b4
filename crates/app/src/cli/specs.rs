//! The command about specs: `spec`.

use std::time::Duration;

use clap::{ArgAction, Args, Subcommand, ValueEnum};
use entrepot_api::{NewSpec, SpecChange, SpecListQuery, SpecVendor};

use super::server::ServerArgs;
use crate::commands::{
    amounts::{Cores, Gib, Mib, Price},
    specs::{SpecOperation, Specs},
};

#[derive(Subcommand)]
pub(super) enum SpecCommand {
    /// List specs: what instances get
    #[command(visible_alias = "list")]
    Ls {
        /// Only specs whose names have this in them
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only specs with cards of this vendor
        #[arg(long, value_name = "VENDOR", value_enum)]
        vendor: Option<Vendor>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Create a spec; what is wrong with it is told at once
    Add(AddArgs),
    /// Change a spec; instances keep what they were made with
    Set(SetArgs),
    /// Offer a spec, or stop offering it
    Shelf {
        /// The spec, by its name or id
        #[arg(value_name = "SPEC")]
        spec: String,
        /// Whether it is offered
        #[arg(value_enum)]
        state: Shelf,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Remove a spec that no instance uses
    #[command(visible_alias = "remove")]
    Rm {
        /// The spec, by its name or id
        #[arg(value_name = "SPEC")]
        spec: String,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Args)]
pub(super) struct AddArgs {
    /// The name
    #[arg(value_name = "NAME")]
    name: String,
    /// How many cores, such as `8` or `0.5`
    #[arg(long, value_name = "COUNT")]
    cpus: Cores,
    /// How much memory, such as `64GiB`
    #[arg(long, value_name = "SIZE")]
    memory: Mib,
    #[command(flatten)]
    cards: CardArgs,
    #[command(flatten)]
    more: MoreArgs,
    /// Do not offer it yet
    #[arg(long)]
    off_shelf: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct SetArgs {
    /// The spec, by its name or id
    #[arg(value_name = "SPEC")]
    spec: String,
    /// Its new name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How many cores, such as `8` or `0.5`
    #[arg(long, value_name = "COUNT")]
    cpus: Option<Cores>,
    /// How much memory, such as `64GiB`
    #[arg(long, value_name = "SIZE")]
    memory: Option<Mib>,
    #[command(flatten)]
    cards: CardArgs,
    #[command(flatten)]
    more: MoreArgs,
    /// Take a value away, so that the server's default counts; may be repeated
    #[arg(long, value_name = "FIELD", value_enum, action = ArgAction::Append)]
    unset: Vec<UnsetArg>,
    #[command(flatten)]
    server: ServerArgs,
}

/// What is said about cards.
#[derive(Args)]
struct CardArgs {
    /// Whose cards it has
    #[arg(long, value_name = "VENDOR", value_enum)]
    vendor: Option<Vendor>,
    /// How many whole cards
    #[arg(long, value_name = "COUNT", conflicts_with = "gpu_memory")]
    gpus: Option<u32>,
    /// The model of the cards, as they say it themselves; any if left out
    #[arg(long, value_name = "MODEL")]
    gpu_model: Option<String>,
    /// A part of one card with so much memory, such as `20GiB`
    #[arg(long, value_name = "SIZE")]
    gpu_memory: Option<Mib>,
    /// The part's share of the card's cores, in percent
    #[arg(long, value_name = "PERCENT", requires = "gpu_memory")]
    gpu_cores: Option<u32>,
    /// Ascend's name of the part, such as `vir05_1c_8g`
    #[arg(long, value_name = "NAME", requires = "gpu_memory")]
    template: Option<String>,
}

#[derive(Args)]
struct MoreArgs {
    /// The container's own disk, such as `50GiB`
    #[arg(long, value_name = "SIZE")]
    system_disk: Option<Gib>,
    /// The volume for data, such as `100GiB`
    #[arg(long, value_name = "SIZE")]
    data_disk: Option<Gib>,
    /// Shared memory, such as `8GiB`
    #[arg(long, value_name = "SIZE")]
    shm: Option<Mib>,
    /// The price of an hour, such as `12.5`
    #[arg(long, value_name = "PRICE")]
    price: Option<Price>,
    /// How long a start may take, such as `5m`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    start_timeout: Option<Duration>,
    /// A note
    #[arg(long, value_name = "TEXT")]
    remark: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Vendor {
    None,
    Nvidia,
    Ascend,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Shelf {
    On,
    Off,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UnsetArg {
    GpuModel,
    GpuCores,
    SystemDisk,
    DataDisk,
    Shm,
    StartTimeout,
}

impl SpecCommand {
    pub(super) fn into_args(self) -> Specs {
        match self {
            Self::Ls { search, vendor, server } => {
                let vendor = vendor.map(Vendor::spoken);
                args(
                    server,
                    SpecOperation::List(SpecListQuery { search, vendor, ..SpecListQuery::default() }),
                )
            }
            Self::Add(add) => add.into_args(),
            Self::Set(set) => set.into_args(),
            Self::Shelf { spec, state, server } => {
                let on_shelf = Some(matches!(state, Shelf::On));
                let change = Box::new(SpecChange { on_shelf, ..SpecChange::default() });
                args(server, SpecOperation::Change { spec, change })
            }
            Self::Rm { spec, server } => args(server, SpecOperation::Remove { spec }),
        }
    }
}

impl AddArgs {
    fn into_args(self) -> Specs {
        let Self { name, cpus, memory, cards, more, off_shelf, server } = self;
        let new = NewSpec {
            name,
            vendor: cards.vendor(),
            gpu_count: cards.count().unwrap_or_default(),
            gpu_memory_mib: cards.gpu_memory.map(|size| size.0),
            memory_split: cards.gpu_memory.is_some(),
            core_percent: cards.gpu_cores,
            vnpu_template: cards.template,
            gpu_model: cards.gpu_model,
            cpu_milli: cpus.0,
            memory_mib: memory.0,
            system_disk_gib: more.system_disk.map(|size| size.0),
            data_disk_gib: more.data_disk.map(|size| size.0),
            shm_mib: more.shm.map(|size| size.0),
            price: more.price.map_or(0, |price| price.0),
            start_seconds: more.start_timeout.map(|time| time.as_secs()),
            on_shelf: !off_shelf,
            remark: more.remark.unwrap_or_default(),
        };
        args(server, SpecOperation::Add(Box::new(new)))
    }
}

impl SetArgs {
    fn into_args(self) -> Specs {
        let Self { spec, name, cpus, memory, cards, more, unset, server } = self;
        let gone = |field: UnsetArg| unset.contains(&field);
        // Another number of whole cards makes them whole, and no vendor makes them none.
        let whole = cards.gpus.is_some() || matches!(cards.vendor, Some(Vendor::None));
        let change = SpecChange {
            name,
            vendor: cards.vendor(),
            gpu_count: cards.count(),
            gpu_memory_mib: said(cards.gpu_memory.map(|size| size.0), whole),
            memory_split: if whole { Some(false) } else { cards.gpu_memory.map(|_| true) },
            core_percent: said(cards.gpu_cores, whole || gone(UnsetArg::GpuCores)),
            vnpu_template: said(cards.template, whole),
            gpu_model: said(
                cards.gpu_model,
                gone(UnsetArg::GpuModel) || matches!(cards.vendor, Some(Vendor::None)),
            ),
            cpu_milli: cpus.map(|cores| cores.0),
            memory_mib: memory.map(|size| size.0),
            system_disk_gib: said(more.system_disk.map(|size| size.0), gone(UnsetArg::SystemDisk)),
            data_disk_gib: said(more.data_disk.map(|size| size.0), gone(UnsetArg::DataDisk)),
            shm_mib: said(more.shm.map(|size| size.0), gone(UnsetArg::Shm)),
            price: more.price.map(|price| price.0),
            start_seconds: said(more.start_timeout.map(|time| time.as_secs()), gone(UnsetArg::StartTimeout)),
            on_shelf: None,
            remark: more.remark,
        };
        args(server, SpecOperation::Change { spec, change: Box::new(change) })
    }
}

impl CardArgs {
    // NVIDIA, where cards are spoken of and nobody is named.
    fn vendor(&self) -> Option<SpecVendor> {
        let has_cards = self.gpus.is_some() || self.gpu_memory.is_some();
        self.vendor.map(Vendor::spoken).or(has_cards.then_some(SpecVendor::Nvidia))
    }

    fn count(&self) -> Option<u32> {
        let none = matches!(self.vendor, Some(Vendor::None)).then_some(0);
        self.gpus.or(self.gpu_memory.map(|_| 1)).or(none)
    }
}

impl Vendor {
    fn spoken(self) -> SpecVendor {
        match self {
            Self::None => SpecVendor::None,
            Self::Nvidia => SpecVendor::Nvidia,
            Self::Ascend => SpecVendor::Ascend,
        }
    }
}

// Something new, or nothing any more, or as it was.
fn said<T>(new: Option<T>, gone: bool) -> Option<Option<T>> {
    match (new, gone) {
        (Some(new), _) => Some(Some(new)),
        (None, true) => Some(None),
        (None, false) => None,
    }
}

fn args(server: ServerArgs, operation: SpecOperation) -> Specs {
    Specs { to: server.addressed(), operation }
}
