//! The commands about nodes and the images on them: `node`, `pull` and `pulls`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use entrepot_api::{AscendCards, NewNode, NodeChange, NodeListQuery, PullStatus, PullVia};

use super::server::ServerArgs;
use crate::{
    commands::{
        amounts::Mib,
        nodes::{NodeOperation, Nodes, PemFiles},
        pulls::{self, PullOptions, PullTarget, PullTo, Pulls},
    },
    log::Verbosity,
};

#[derive(Subcommand)]
pub(super) enum NodeCommand {
    /// List nodes: the machines that instances run on
    #[command(visible_alias = "list")]
    Ls {
        /// Only nodes of this region
        #[arg(long, value_name = "REGION")]
        region: Option<String>,
        /// Only nodes whose names have this in them
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show a node with its cards, and what it offers
    Show(OneArgs),
    /// Add a node, and look at it
    Add(AddArgs),
    /// Look at a node now; the exit code is 1 if it cannot be used
    Check(OneArgs),
    /// Let a node take nothing new; what runs there goes on
    Drain(OneArgs),
    /// Let a node take something new again
    Undrain(OneArgs),
    /// Change a node, or replace its certificates in place
    Set(SetArgs),
    /// Say that a card which was quarantined works again
    Release {
        /// The node, by its name or id
        #[arg(value_name = "NODE")]
        node: String,
        /// The card, as `entrepot node show` lists it
        #[arg(value_name = "UUID")]
        card: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Remove a node that nothing is on
    #[command(visible_alias = "remove")]
    Rm(OneArgs),
}

#[derive(Args)]
pub(super) struct OneArgs {
    /// The node, by its name or id
    #[arg(value_name = "NODE")]
    node: String,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct AddArgs {
    /// The name of the new node
    #[arg(value_name = "NAME")]
    name: String,
    /// The address of its engine: `unix:///run/docker.sock`, `tcp://gpu-1.lan:2376`
    #[arg(value_name = "ADDRESS")]
    address: String,
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    more: MoreArgs,
    /// Let it take nothing yet
    #[arg(long)]
    drained: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct SetArgs {
    /// The node, by its name or id
    #[arg(value_name = "NODE")]
    node: String,
    /// The new name of the node
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The new address of its engine
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    #[command(flatten)]
    tls: TlsArgs,
    /// Reach it without certificates from now on
    #[arg(long, conflicts_with_all = ["ca", "cert", "key"])]
    no_tls: bool,
    #[command(flatten)]
    more: MoreArgs,
    /// Stop holding parts of cards against a lost environment
    #[arg(long, conflicts_with = "strict_split")]
    no_strict_split: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// What a node is reached with.
#[derive(Args)]
struct TlsArgs {
    /// The certificate of the authority that signed the engine's, as PEM
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires_all = ["cert", "key"])]
    ca: Option<PathBuf>,
    /// The certificate of this server for the engine, as PEM
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires_all = ["ca", "key"])]
    cert: Option<PathBuf>,
    /// The key of that certificate, as PEM without a passphrase
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires_all = ["ca", "cert"])]
    key: Option<PathBuf>,
}

#[derive(Args)]
struct MoreArgs {
    /// Where the node is, such as `beijing`
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Where people reach its published ports
    #[arg(long, value_name = "HOST")]
    public_host: Option<String>,
    /// What it pulls from: this server, or the registries themselves
    #[arg(long, value_name = "WAY", value_enum)]
    pull_via: Option<PullViaArg>,
    /// Where it reaches this server, if not by the public URL: `http://10.0.0.5:5000`
    #[arg(long, value_name = "URL")]
    mirror_url: Option<String>,
    /// The directory of HAMi-core on it
    #[arg(long, value_name = "DIR")]
    hami_core: Option<String>,
    /// Hold parts of cards against a lost environment, too
    #[arg(long)]
    strict_split: bool,
    /// How many Ascend cards it has, which no engine lists
    #[arg(long, value_name = "COUNT", requires = "ascend_model")]
    ascend_cards: Option<u32>,
    /// The model of the Ascend cards
    #[arg(long, value_name = "MODEL", requires = "ascend_cards")]
    ascend_model: Option<String>,
    /// The memory of each Ascend card, such as `32GiB`
    #[arg(long, value_name = "SIZE", requires = "ascend_cards")]
    ascend_memory: Option<Mib>,
    /// A note
    #[arg(long, value_name = "TEXT")]
    remark: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum PullViaArg {
    Mirror,
    Direct,
}

#[derive(Args)]
pub(super) struct PullArgs {
    /// The node, by its name or id
    #[arg(value_name = "NODE", required_unless_present = "region")]
    node: Option<String>,
    /// The image, such as `docker.io/library/nginx:1.27`
    #[arg(value_name = "IMAGE", required_unless_present = "region")]
    image: Option<String>,
    /// Let all nodes of a region pull it, but those that are drained: `pull --region REGION IMAGE`
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Return at once, and let it go on
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Subcommand)]
pub(super) enum PullsCommand {
    /// List pulls, the latest first
    #[command(visible_alias = "list")]
    Ls {
        /// Only pulls of this node, by its name or id
        #[arg(long, value_name = "NODE")]
        node: Option<String>,
        /// Only pulls of this status, such as `downloading` or `failed`
        #[arg(long, value_name = "STATUS", value_parser = status)]
        status: Option<PullStatus>,
        /// Maximum number of pulls [default: 100]
        #[arg(short = 'n', long, value_name = "COUNT")]
        count: Option<usize>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Stop a pull; its node keeps the layers that it has
    Cancel {
        /// The pull's id, as listed by `entrepot pulls ls`
        #[arg(value_name = "PULL")]
        id: u32,
        #[command(flatten)]
        server: ServerArgs,
    },
}

impl PullsCommand {
    pub(super) fn into_args(self) -> Pulls {
        let (operation, server) = match self {
            Self::Ls { node, status, count, server } => {
                (pulls::PullsOperation::List { node, status, count }, server)
            }
            Self::Cancel { id, server } => (pulls::PullsOperation::Cancel { id }, server),
        };
        Pulls { to: server.addressed(), operation }
    }
}

fn status(text: &str) -> Result<PullStatus, String> {
    serde_json::from_value(text.into())
        .map_err(|_| "write a status, such as `downloading` or `failed`".to_owned())
}

impl NodeCommand {
    pub(super) fn into_args(self) -> Nodes {
        match self {
            Self::Ls { region, search, server } => args(
                server,
                NodeOperation::List(NodeListQuery { region, search, ..NodeListQuery::default() }),
            ),
            Self::Show(OneArgs { node, server }) => args(server, NodeOperation::Show { node }),
            Self::Add(add) => add.into_args(),
            Self::Check(OneArgs { node, server }) => args(server, NodeOperation::Check { node }),
            Self::Drain(one) => one.drained(true),
            Self::Undrain(one) => one.drained(false),
            Self::Set(set) => set.into_args(),
            Self::Release { node, card, server } => args(server, NodeOperation::Release { node, card }),
            Self::Rm(OneArgs { node, server }) => args(server, NodeOperation::Remove { node }),
        }
    }
}

impl OneArgs {
    fn drained(self, drained: bool) -> Nodes {
        let change = NodeChange { drained: Some(drained), ..NodeChange::default() };
        args(self.server, NodeOperation::Change { node: self.node, change: Box::new(change), tls: None })
    }
}

impl AddArgs {
    fn into_args(self) -> Nodes {
        let Self { name, address, tls, more, drained, server } = self;
        let ascend = more.ascend();
        let new = NewNode {
            name,
            address,
            tls: None,
            region: more.region.unwrap_or_default(),
            public_host: more.public_host,
            pull_via: more.pull_via.map(PullViaArg::spoken),
            mirror_url: more.mirror_url,
            hami_core: more.hami_core,
            strict_split: more.strict_split,
            drained,
            ascend,
            remark: more.remark.unwrap_or_default(),
        };
        args(server, NodeOperation::Add { new: Box::new(new), tls: tls.files() })
    }
}

impl SetArgs {
    fn into_args(self) -> Nodes {
        let Self { node, name, address, tls, no_tls, more, no_strict_split, server } = self;
        let ascend = more.ascend().map(Some);
        let change = NodeChange {
            name,
            address,
            tls: no_tls.then_some(None),
            region: more.region,
            public_host: more.public_host.map(Some),
            pull_via: more.pull_via.map(PullViaArg::spoken),
            mirror_url: more.mirror_url.map(Some),
            hami_core: more.hami_core,
            strict_split: if no_strict_split { Some(false) } else { more.strict_split.then_some(true) },
            drained: None,
            ascend,
            remark: more.remark,
        };
        args(server, NodeOperation::Change { node, change: Box::new(change), tls: tls.files() })
    }
}

impl MoreArgs {
    fn ascend(&self) -> Option<AscendCards> {
        let (cards, model) = (self.ascend_cards?, self.ascend_model.clone()?);
        Some(AscendCards { cards, model, memory_mib: self.ascend_memory.map(|size| size.0) })
    }
}

impl TlsArgs {
    fn files(self) -> Option<PemFiles> {
        Some(PemFiles { ca: self.ca?, certificate: self.cert?, key: self.key? })
    }
}

impl PullViaArg {
    fn spoken(self) -> PullVia {
        match self {
            Self::Mirror => PullVia::Mirror,
            Self::Direct => PullVia::Direct,
        }
    }
}

impl PullArgs {
    pub(super) fn into_args(self, verbosity: Verbosity) -> PullTo {
        let Self { node, image, region, detach, server } = self;
        // With a region, the one word is the image.
        let (target, image) = match (region, node, image) {
            (Some(region), Some(only), None) => (PullTarget::Region(region), only),
            (Some(region), _, image) => (PullTarget::Region(region), image.unwrap_or_default()),
            (None, node, image) => (PullTarget::Node(node.unwrap_or_default()), image.unwrap_or_default()),
        };
        PullTo { to: server.addressed(), options: PullOptions { verbosity, target, image, detach } }
    }
}

fn args(server: ServerArgs, operation: NodeOperation) -> Nodes {
    Nodes { to: server.addressed(), operation }
}
