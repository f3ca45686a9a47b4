//! Nodes: container engines, and the machines that they are on.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{said::said, timestamp::Timestamp, words::words};

words! {
    /// Whether a node answers.
    NodeStatus {
        /// It was not asked yet, or does not answer: what runs there may run on.
        Unknown = "unknown",
        /// It answers.
        Connected = "connected",
        /// It answers, and cannot be used as it is.
        Failed = "failed",
    }
}

words! {
    /// What a node offers to new instances. Each includes those before it.
    NodeOffer {
        /// It takes nothing new.
        Nothing = "nothing",
        /// Containers without cards.
        Containers = "containers",
        /// Whole cards.
        Cards = "cards",
        /// Parts of cards.
        Parts = "parts",
    }
}

words! {
    /// What a node pulls from.
    PullVia {
        /// From this server, so that the logins of registries stay here.
        Mirror = "mirror",
        /// From the registry itself.
        Direct = "direct",
    }
}

words! {
    /// Something about a node that people should know. A word keeps its meaning; new ones may come.
    NodeConditionCode {
        /// It does not answer. What runs there may run on.
        Unreachable = "unreachable",
        /// There is no trusted connection to it.
        Tls = "tls",
        /// Its certificates do not open: the key that sealed them is missing, or they were damaged.
        Sealed = "sealed",
        /// Its engine is older than Docker 20.10 or Podman 4.3.
        TooOld = "too-old",
        /// What answers is no engine that is understood.
        NotUsable = "not-usable",
        /// It runs no Linux containers.
        NotLinux = "not-linux",
        /// A certificate ends soon.
        CertificateEnds = "certificate-ends",
        /// Its disk is full.
        DiskFull = "disk-full",
        /// Its disk is nearly full.
        DiskNearlyFull = "disk-nearly-full",
        /// Its clock is wrong, or ours.
        ClockSkew = "clock-skew",
        /// Its engine runs without root: not every limit can be kept.
        Rootless = "rootless",
        /// The disk of a container cannot be limited.
        NoDiskQuota = "no-disk-quota",
        /// It has NVIDIA's runtime, and no card was found.
        NoCards = "no-cards",
        /// Its cards have no names of their own: only all of them could be asked for.
        CardsWithoutNames = "cards-without-names",
        /// Its card driver was updated: what runs goes on, and nothing new starts until the machine is restarted.
        DriverUpdated = "driver-updated",
        /// Its card driver does not answer.
        DriverGone = "driver-gone",
        /// It has Ascend cards and no runtime for them.
        AscendRuntimeMissing = "ascend-runtime-missing",
        /// A card takes one process only: it is not split.
        MpsRuns = "mps-runs",
        /// HAMi-core is not in its directory.
        HamiMissing = "hami-missing",
        /// It is not known whether HAMi-core is there.
        HamiUnknown = "hami-unknown",
        /// Older versions of HAMi-core hang with this driver.
        DriverUnproven = "driver-unproven",
    }
}

words! {
    /// Who made a card.
    DeviceVendor {
        /// NVIDIA.
        Nvidia = "nvidia",
        /// Huawei Ascend.
        Ascend = "ascend",
    }
}

words! {
    /// How a card is.
    DeviceState {
        /// It can be given to instances.
        Healthy = "healthy",
        /// It is not in the machine any more.
        Gone = "gone",
        /// Something hangs on it: it is given to nobody until somebody has looked.
        Quarantined = "quarantined",
        /// Somebody else has it.
        Busy = "busy",
        /// It is cut by the vendor's own means: never cut again.
        Mig = "mig",
    }
}

/// Something about a node that people should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeCondition {
    /// What.
    pub code: NodeConditionCode,
    /// What the node offers at most while this is so.
    pub offers: NodeOffer,
    /// The same for people, with a way out, in the language of `Accept-Language`.
    pub text: String,
    /// More about it, in the words of whoever said so.
    #[schema(required = true)]
    pub detail: Option<String>,
}

/// A card of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// The vendor's name of it, which never changes.
    pub uuid: String,
    /// Its place among the cards.
    pub position: u32,
    /// Who made it.
    pub vendor: DeviceVendor,
    /// Its model.
    pub model: String,
    /// Its name in the container device interface.
    #[schema(required = true)]
    pub cdi_name: Option<String>,
    /// Its memory, in MiB; `null` if it does not say: then it is not split.
    #[schema(required = true)]
    pub memory_mib: Option<u64>,
    /// What everybody on the machine uses of it, in MiB.
    #[schema(required = true)]
    pub used_mib: Option<u64>,
    /// How it is.
    pub state: DeviceState,
    /// Why it is so.
    #[schema(required = true)]
    pub detail: Option<String>,
    /// When it was seen last.
    pub seen: Timestamp,
}

/// What was found of a node at its last check. Texts are empty, and numbers `null`, as long as they are not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeFacts {
    /// `Docker` or `Podman`.
    pub product: String,
    /// Its version.
    pub release: String,
    /// The version of Docker's API that is spoken to it.
    pub api: String,
    /// The operating system.
    pub os: String,
    /// The architecture.
    pub architecture: String,
    /// The version of the kernel.
    pub kernel: String,
    /// What the machine calls itself.
    pub host_name: String,
    /// The machine's system, for people.
    pub system: String,
    /// How layers are stored.
    pub storage: String,
    /// The file system below them.
    pub file_system: String,
    /// Whether the disk of a container can be limited.
    pub has_disk_quota: bool,
    /// The runtimes that containers can have.
    pub runtimes: Vec<String>,
    /// Whether the engine runs without root.
    pub is_rootless: bool,
    /// Bytes of images.
    #[schema(required = true)]
    pub image_bytes: Option<u64>,
    /// Bytes of volumes.
    #[schema(required = true)]
    pub volume_bytes: Option<u64>,
    /// Bytes of the disk.
    #[schema(required = true)]
    pub disk_total: Option<u64>,
    /// Bytes of it that are in use.
    #[schema(required = true)]
    pub disk_used: Option<u64>,
    /// How far its clock is ahead of ours, in milliseconds.
    #[schema(required = true)]
    pub clock_ahead_ms: Option<i64>,
    /// The version of the card driver.
    #[schema(required = true)]
    pub driver: Option<String>,
    /// The version of CUDA that the driver knows.
    #[schema(required = true)]
    pub cuda: Option<String>,
    /// What the engine warns about.
    pub warnings: Vec<String>,
}

/// Ascend cards, which no engine lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AscendCards {
    /// How many there are.
    pub cards: u32,
    /// Their model.
    pub model: String,
    /// The memory of each, in MiB.
    #[serde(default)]
    #[schema(required = false)]
    pub memory_mib: Option<u64>,
}

/// A node: a container engine, and the machine that it is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// Its id.
    pub id: u32,
    /// Its name, unique.
    pub name: String,
    /// Where it is; empty if nobody said.
    pub region: String,
    /// The address of its engine: `unix://…` or `tcp://…`.
    pub address: String,
    /// Whether it is reached with certificates. They are never shown.
    pub has_tls: bool,
    /// When the first of its certificates ends.
    #[schema(required = true)]
    pub certificate_ends: Option<Timestamp>,
    /// Where people reach its published ports.
    #[schema(required = true)]
    pub public_host: Option<String>,
    /// What it pulls from.
    pub pull_via: PullVia,
    /// Where it reaches this server, if not by the public URL.
    #[schema(required = true)]
    pub mirror_url: Option<String>,
    /// The directory of HAMi-core on it.
    pub hami_core: String,
    /// Whether parts of cards are held against a lost environment, too.
    pub strict_split: bool,
    /// Whether it takes nothing new.
    pub drained: bool,
    /// The Ascend cards that it is said to have.
    #[schema(required = true)]
    pub ascend: Option<AscendCards>,
    /// Anything.
    pub remark: String,
    /// Whether it answers.
    pub status: NodeStatus,
    /// What it offers to new instances; nothing if it is drained.
    pub offers: NodeOffer,
    /// Why it offers no more, and what is to be known.
    pub conditions: Vec<NodeCondition>,
    /// What was found of it.
    pub facts: NodeFacts,
    /// Thousandths of a core.
    #[schema(required = true)]
    pub cpu_milli: Option<u64>,
    /// Its memory, in MiB.
    #[schema(required = true)]
    pub memory_mib: Option<u64>,
    /// Its cards.
    pub devices: Vec<Device>,
    /// When it answered last.
    #[schema(required = true)]
    pub seen: Option<Timestamp>,
    /// When it was asked last.
    #[schema(required = true)]
    pub checked: Option<Timestamp>,
    /// Who made it.
    pub created_by: String,
    /// Rises with every change; also the `ETag`.
    pub revision: i64,
    /// When it was created.
    pub created: Timestamp,
    /// When it was changed last.
    pub changed: Timestamp,
}

/// A page of nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeList {
    /// The nodes, in order of their names.
    pub nodes: Vec<Node>,
    /// Whether more follow.
    pub more: bool,
    /// Where the next page begins: ask again with it as `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a node is reached with, all as PEM. It is sealed, and never shown again.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeTls {
    /// The certificate of the authority that signed the engine's. Nobody else is trusted.
    pub ca: String,
    /// Our certificate.
    pub certificate: String,
    /// The key of our certificate, without a passphrase.
    pub key: String,
}

/// A new node. What is left out is none, or the server's default.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNode {
    /// Its name, unique.
    pub name: String,
    /// The address of its engine: `unix:///run/docker.sock`, `tcp://gpu-1.lan:2376`.
    pub address: String,
    /// What it is reached with; an engine on another machine needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<NodeTls>,
    /// Where it is.
    #[serde(default)]
    pub region: String,
    /// Where people reach its published ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_host: Option<String>,
    /// What it pulls from; this server if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_via: Option<PullVia>,
    /// Where it reaches this server, if not by the public URL: `http://10.0.0.5:5000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror_url: Option<String>,
    /// The directory of HAMi-core on it; `/root/HAMi-core/build` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hami_core: Option<String>,
    /// Whether parts of cards are held against a lost environment, too.
    #[serde(default)]
    pub strict_split: bool,
    /// Whether it takes nothing new yet.
    #[serde(default)]
    pub drained: bool,
    /// Its Ascend cards, which no engine lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ascend: Option<AscendCards>,
    /// Anything.
    #[serde(default)]
    pub remark: String,
}

/// A change of a node. What is left out stays; `null` takes a value away.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeChange {
    /// Its new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address of its engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Other certificates, in place: connections that were made with the old ones end.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<NodeTls>)]
    pub tls: Option<Option<NodeTls>>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Where people reach its published ports.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub public_host: Option<Option<String>>,
    /// What it pulls from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_via: Option<PullVia>,
    /// Where it reaches this server.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub mirror_url: Option<Option<String>>,
    /// The directory of HAMi-core on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hami_core: Option<String>,
    /// Whether parts of cards are held against a lost environment, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict_split: Option<bool>,
    /// Whether it takes nothing new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained: Option<bool>,
    /// Its Ascend cards.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AscendCards>)]
    pub ascend: Option<Option<AscendCards>>,
    /// Anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// Which nodes to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NodeListQuery {
    /// Only those of this region.
    pub region: Option<String>,
    /// Only those of this status.
    #[param(value_type = Option<NodeStatus>)]
    pub status: Option<NodeStatus>,
    /// Only those that are drained, or that are not.
    pub drained: Option<bool>,
    /// Only those whose names have this in them, in any case.
    pub search: Option<String>,
    /// How many, at most 1000.
    pub n: Option<usize>,
    /// Only nodes after this name.
    pub last: Option<String>,
}
