//! Instances: what somebody runs from an entry, with what a spec gives.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{said::said, timestamp::Timestamp, words::words};

words! {
    /// Where an instance is on its way.
    InstancePhase {
        /// It waits for its turn.
        Queued = "queued",
        /// Its node fetches the image.
        Pulling = "pulling",
        /// The container is made.
        Creating = "creating",
        /// The container starts, and its split is verified.
        Starting = "starting",
        /// It runs.
        Running = "running",
        /// It is being stopped.
        Stopping = "stopping",
        /// It is stopped: its disk is kept, its cards are free for others.
        Stopped = "stopped",
        /// It stops and starts again, or its container is made anew.
        Restarting = "restarting",
        /// It is being removed.
        Deleting = "deleting",
        /// It did not work out, and its reason says why.
        Failed = "failed",
        /// Its container is gone, and this server did not remove it.
        Lost = "lost",
    }
}

words! {
    /// What an instance should be.
    InstanceDesired {
        /// Running.
        Running = "running",
        /// Stopped.
        Stopped = "stopped",
        /// Gone.
        Deleted = "deleted",
    }
}

words! {
    /// Why an instance is as it is.
    InstanceReason {
        /// The node does not answer: nobody knows how the instance is.
        NodeUnreachable = "node-unreachable",
        /// The image could not be fetched.
        PullFailed = "pull-failed",
        /// The engine did not make the container.
        CreateFailed = "create-failed",
        /// The engine made something else than what was asked for.
        CreatedOtherwise = "created-otherwise",
        /// The engine did not start the container.
        StartFailed = "start-failed",
        /// The split is not effective.
        SplitNotEffective = "split-not-effective",
        /// A card that it had is gone.
        DeviceGone = "device-gone",
        /// Its program ended by itself.
        Exited = "exited",
        /// Its program was killed because it used more memory than it has.
        OutOfMemory = "out-of-memory",
        /// It cannot be stopped: its cards are kept from others.
        Stuck = "stuck",
        /// Somebody paused its container.
        Paused = "paused",
        /// Its container is gone, and this server did not remove it.
        ContainerGone = "container-gone",
        /// It was stopped at the time that was set for it.
        TimedStop = "timed-stop",
        /// Its account has used up its hours.
        QuotaUsed = "quota-used",
    }
}

words! {
    /// Whether the limit on an instance's cards was seen to hold.
    InstanceSplit {
        /// It has whole cards, or none.
        None = "none",
        /// Nobody looked yet.
        Unverified = "unverified",
        /// It holds.
        Verified = "verified",
        /// It does not.
        NotEffective = "not-effective",
    }
}

words! {
    /// What becomes of the volumes of an instance that is removed.
    InstanceVolumes {
        /// They stay, and can be attached to another instance.
        Keep = "keep",
        /// They are removed with all that is in them.
        Remove = "remove",
    }
}

words! {
    /// A part of an instance.
    InstancePart {
        /// What its programs wrote outside of the data volume.
        Disk = "disk",
        /// Its data volume.
        Data = "data",
        /// The ports of its node that lead to it.
        Ports = "ports",
        /// Its cards.
        Cards = "cards",
    }
}

/// What an instance keeps of what it has, when something is done with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceKeeps {
    /// When it is stopped.
    pub stop: Vec<InstancePart>,
    /// When it gets another image.
    pub reimage: Vec<InstancePart>,
    /// When it is removed at the time that was set for it. Whoever removes it by hand says what becomes of its data.
    pub release: Vec<InstancePart>,
}

/// The entry of an instance as it was when the instance was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceEntry {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
}

/// The spec of an instance as it was when the instance was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceSpec {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// How many cards.
    pub gpu_count: u32,
    /// Their model; `null` is any.
    #[schema(required = true)]
    pub gpu_model: Option<String>,
    /// The memory of the part of a card, in MiB; `null` for whole cards.
    #[schema(required = true)]
    pub gpu_memory_mib: Option<u64>,
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// The price of an hour, in ten-thousandths of the currency.
    pub price: u64,
}

/// What an instance has of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceCard {
    /// The vendor's name of the card.
    pub uuid: String,
    /// The memory of its part, in MiB; `null` for the whole card.
    #[schema(required = true)]
    pub memory_mib: Option<u64>,
    /// Its share of the card's cores, in percent; `null` is no limit.
    #[schema(required = true)]
    pub core_percent: Option<u8>,
}

/// A port that leads to an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstancePort {
    /// The port in the container.
    pub container: u16,
    /// The port of the node.
    pub node: u16,
    /// Where people reach it, `HOST:PORT`, if the node says so.
    #[schema(required = true)]
    pub address: Option<String>,
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Instance {
    /// Its id.
    pub id: u32,
    /// Its name, one for each account.
    pub name: String,
    /// Whose it is.
    pub owner: String,
    /// What it runs.
    pub entry: InstanceEntry,
    /// What it gets.
    pub spec: InstanceSpec,
    /// The name of its node.
    pub node: String,
    /// The image, by its digest.
    pub image: String,
    /// Where it is on its way.
    pub phase: InstancePhase,
    /// What it should be.
    pub desired: InstanceDesired,
    /// Why it is so.
    #[schema(required = true)]
    pub reason: Option<InstanceReason>,
    /// More about that, in the words of the engine.
    #[schema(required = true)]
    pub detail: Option<String>,
    /// Whether it was started with its cards.
    pub with_cards: bool,
    /// The cards that it has, or had when it ran last.
    pub cards: Vec<InstanceCard>,
    /// Its published ports.
    pub ports: Vec<InstancePort>,
    /// The command that leads into it by SSH; none where the server does not listen for that.
    #[serde(default)]
    #[schema(required = true)]
    pub ssh: Option<String>,
    /// The names of the variables that were set. Their values are not shown: they may be secrets.
    pub environment: Vec<String>,
    /// What it starts, in place of the image's.
    #[schema(required = true)]
    pub command: Option<Vec<String>>,
    /// Where its data volume is.
    #[schema(required = true)]
    pub data: Option<String>,
    /// Whether the limit on its cards was seen to hold.
    pub split: InstanceSplit,
    /// Where its container is not as it was asked for.
    pub warnings: Vec<String>,
    /// The exit code of its last run.
    #[schema(required = true)]
    pub exit_code: Option<i64>,
    /// How often it was started again.
    pub restarts: u64,
    /// When its last run began, by the clock of its node.
    #[schema(required = true)]
    pub started: Option<Timestamp>,
    /// When its last run ended.
    #[schema(required = true)]
    pub stopped: Option<Timestamp>,
    /// When it is to be stopped: at the time that was set for it, or when its account has used up its hours.
    #[schema(required = true)]
    pub stop_at: Option<Timestamp>,
    /// When it is removed. Its data volume is not.
    #[schema(required = true)]
    pub release_at: Option<Timestamp>,
    /// What it keeps of what it has, when something is done with it.
    pub keeps: InstanceKeeps,
    /// Rises with every change; also the `ETag`.
    pub revision: i64,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub changed: Timestamp,
}

/// A page of instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceList {
    /// The instances, the latest first.
    pub instances: Vec<Instance>,
    /// Whether more follow.
    pub more: bool,
    /// Where the next page begins: ask again with it as `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// Which instances to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InstanceListQuery {
    /// Only those with this in their name.
    pub search: Option<String>,
    /// Only those in this phase.
    #[param(value_type = Option<String>)]
    pub phase: Option<InstancePhase>,
    /// Only those on this node, by its id.
    pub node: Option<u32>,
    /// Only those of this entry.
    pub entry: Option<u32>,
    /// Only those with this spec.
    pub spec: Option<u32>,
    /// Also those of others, for who manages them.
    pub all: Option<bool>,
    /// How many, 1 to 1000; 100 where it is left out.
    #[param(minimum = 1, maximum = 1000)]
    pub n: Option<usize>,
    /// Only those below this id.
    pub last: Option<u32>,
}

/// A new instance. It is brought up after the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInstance {
    /// Its name, one for each account; if left out, the entry's with a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The entry that it runs, by its id.
    pub entry: u32,
    /// The spec that it gets, by its id.
    pub spec: u32,
    /// The node, by its id; if left out, that with the best fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
    /// The region; any if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Variables. Those that decide about cards are set by the server.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    pub environment: BTreeMap<String, String>,
    /// What it starts, in place of the image's arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// The ports of the container that are published on the node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub ports: Vec<u16>,
    /// Where its data volume is; `/data` if left out, none if `null`.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub data: Option<Option<String>>,
    /// A volume of one's own that waits for an instance; it gets a new one if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// When it is to be stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_at: Option<Timestamp>,
    /// When it is to be removed. Its data volume is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_at: Option<Timestamp>,
    /// A text of one's own: the same one again makes no second instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_key: Option<String>,
}

/// A change of an instance. What is left out stays; `null` takes a time away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceChange {
    /// Its new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it is to be stopped.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>)]
    pub stop_at: Option<Option<Timestamp>>,
    /// When it is to be removed.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>)]
    pub release_at: Option<Option<Timestamp>>,
}

/// How to start an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceStart {
    /// Whether it gets its cards, which it does if left out. Without them it starts where no card is free, to copy data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cards: Option<bool>,
}

/// Another image for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceReimage {
    /// The entry whose image it gets, by its id.
    pub entry: u32,
}

/// How to save an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceCommit {
    /// The name of the image, with a tag: `local/app:1`. Its repository takes pushes; `app:1` is below the first prefix that
    /// does.
    pub image: String,
}

/// An image that an instance was saved as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommittedImage {
    /// Its name.
    pub image: String,
    /// Its digest.
    pub digest: String,
}

words! {
    /// What is done to save an instance.
    SavingPhase {
        /// Its node makes an image of its disk. No engine says how far that is.
        Making = "making",
        /// The image is sent to this server.
        Sending = "sending",
    }
}

/// How far the saving of an instance as an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceSaving {
    /// What is done.
    pub phase: SavingPhase,
    /// Bytes that were sent.
    pub done: u64,
    /// Bytes of the layers that are known so far.
    pub total: u64,
}

/// How to remove an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InstanceRemovalQuery {
    /// What becomes of its volumes: `keep` or `remove`.
    #[param(value_type = String)]
    pub volumes: InstanceVolumes,
}

/// What an instance uses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceUsage {
    /// Whether it runs. If not, there is nothing to tell.
    pub running: bool,
    /// How many processors, since this was asked before; `null` the first time.
    #[schema(required = true)]
    pub cores: Option<f64>,
    /// Memory in bytes.
    pub memory: u64,
    /// Whether files that could be forgotten at any time are among them: some engines do not tell them apart.
    pub memory_with_cache: bool,
    /// How much memory it may use, in bytes.
    pub memory_limit: u64,
    /// Processes and threads.
    #[schema(required = true)]
    pub pids: Option<u64>,
}

/// What to read of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InstanceLogQuery {
    /// Only so many lines from the end, at most 10,000; 1,000 where it is left out.
    #[param(minimum = 0, maximum = 10000)]
    pub tail: Option<u32>,
    /// Go on with what is printed later.
    pub follow: Option<bool>,
    /// Put the time in front of each line.
    pub timestamps: Option<bool>,
}

/// A run of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceRun {
    /// When it began, by the clock of its node.
    pub started: Timestamp,
    /// When it ended; `null`: it goes on.
    #[schema(required = true)]
    pub ended: Option<Timestamp>,
    /// How many cards it had.
    pub cards: u64,
    /// The price of an hour, in ten-thousandths of the currency.
    pub price: u64,
    /// The seconds that are charged, so far.
    pub billable_seconds: u64,
    /// What it costs, so far, in ten-thousandths of the currency.
    pub cost: u64,
    /// For how many seconds after its end nobody could say whether it went on. They are not charged.
    pub unknown_seconds: u64,
}

/// A page of the runs of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceRunList {
    /// The runs, the first one first.
    pub runs: Vec<InstanceRun>,
    /// Whether more follow.
    pub more: bool,
}

/// How often a spec fits now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FreeSpec {
    /// The spec.
    pub spec: InstanceSpec,
    /// How many instances with it could be made now.
    pub instances: u64,
}

/// How often each spec on the shelf fits now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FreeSpecs {
    /// The specs, in order of their names.
    pub specs: Vec<FreeSpec>,
}

/// Where to look for room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FreeQuery {
    /// Only in this region.
    pub region: Option<String>,
}

/// What an account may have at most; `null` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaLimits {
    /// How many instances.
    #[serde(default)]
    #[schema(required = true)]
    pub instances: Option<u64>,
    /// How many cards, or parts of cards, at a time.
    #[serde(default)]
    #[schema(required = true)]
    pub cards: Option<u64>,
    /// How many hours of cards in a calendar month.
    #[serde(default)]
    #[schema(required = true)]
    pub hours: Option<u64>,
}

/// What an account may have, and has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quota {
    /// What it may have at most.
    pub limits: QuotaLimits,
    /// Its instances.
    pub instances: u64,
    /// The cards that it has, or parts of cards.
    pub cards: u64,
    /// For how many seconds its cards were used in this month: two cards for an hour are two hours.
    pub used_seconds: u64,
}

/// A volume that keeps data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DataVolume {
    /// Its name.
    pub name: String,
    /// The node that it is on, by its id.
    pub node: i64,
    /// The instance that has it; `null`: it waits for one.
    #[schema(required = true)]
    pub instance: Option<i64>,
    /// When it was made.
    pub created: Timestamp,
}

/// A page of volumes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DataVolumeList {
    /// The volumes, by name.
    pub volumes: Vec<DataVolume>,
    /// Whether more follow.
    pub more: bool,
}
