//! Pulls: images on their way to nodes.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{timestamp::Timestamp, words::words};

words! {
    /// How far a pull is.
    PullStatus {
        /// It waits for its turn.
        Queued = "queued",
        /// It is looked up what there is to pull.
        Resolving = "resolving",
        /// The node downloads.
        Downloading = "downloading",
        /// The node has everything, and unpacks.
        Extracting = "extracting",
        /// The node has the image.
        Succeeded = "succeeded",
        /// It failed.
        Failed = "failed",
        /// Somebody stopped it.
        Canceled = "canceled",
    }
}

words! {
    /// Why a pull failed. A word keeps its meaning; new ones may come.
    PullFault {
        /// The registry does not have the image.
        NotFound = "not-found",
        /// The registry does not give it.
        Denied = "denied",
        /// The registry gives it to those with a login, and the node that asks it itself has none.
        NoLogin = "no-login",
        /// The registry limits how often it is asked.
        RateLimited = "rate-limited",
        /// There is no trusted connection to the registry.
        Tls = "tls",
        /// The node's disk is full.
        DiskFull = "disk-full",
        /// There is no image for the node's platform.
        PlatformMismatch = "platform-mismatch",
        /// The registry fails.
        RegistryError = "registry-error",
        /// The node cannot reach the registry.
        Network = "network",
        /// Nothing has come for too long.
        Stalled = "stalled",
        /// The node's engine cannot be reached.
        Unreachable = "unreachable",
        /// The node takes nothing, or does not know where to pull from.
        NodeUnusable = "node-unusable",
        /// The server was stopped meanwhile.
        Interrupted = "interrupted",
        /// Anything else that the engine says.
        Engine = "engine",
    }
}

words! {
    /// What happens to a layer.
    LayerPhase {
        /// Nothing yet.
        Waiting = "waiting",
        /// It arrives.
        Downloading = "downloading",
        /// All of it is there.
        Downloaded = "downloaded",
        /// It is unpacked.
        Extracting = "extracting",
        /// It is in place.
        Done = "done",
    }
}

/// How far a layer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PullLayer {
    /// The beginning of its digest, as long as it takes to tell it from the others.
    pub name: String,
    /// What happens to it.
    pub phase: LayerPhase,
    /// Bytes that are there.
    pub done: u64,
    /// Bytes of the whole, if they are known.
    #[schema(required = true)]
    pub total: Option<u64>,
}

/// Why a pull failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PullError {
    /// The class.
    pub code: PullFault,
    /// What to do about it, in the language of `Accept-Language`.
    pub hint: String,
    /// The words of the engine or the registry.
    pub detail: String,
}

/// A pull of an image by a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pull {
    /// Its id; later pulls have greater ids.
    pub id: u32,
    /// The node's id.
    pub node: u32,
    /// The image, as the library names it.
    pub image: String,
    /// The entry that it is of.
    #[schema(required = true)]
    pub entry: Option<u32>,
    /// How far it is.
    pub status: PullStatus,
    /// Bytes that are there.
    pub done: u64,
    /// Bytes of the whole, if they are known.
    #[schema(required = true)]
    pub total: Option<u64>,
    /// How many layers are in place.
    pub layers_done: u64,
    /// How many layers there are, if that is known.
    #[schema(required = true)]
    pub layers_total: Option<u64>,
    /// Bytes a second, while they arrive.
    #[schema(required = true)]
    pub rate: Option<u64>,
    /// How many seconds it takes until all bytes are there.
    #[schema(required = true)]
    pub seconds_left: Option<u64>,
    /// For how many seconds nothing has happened.
    pub silent_seconds: u64,
    /// Which attempt it is, from 1 on.
    pub attempt: u32,
    /// The layers; empty once the pull has ended.
    pub layers: Vec<PullLayer>,
    /// Why it failed, if it did.
    #[schema(required = true)]
    pub error: Option<PullError>,
    /// Who asked for it.
    pub created_by: String,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it began.
    #[schema(required = true)]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[schema(required = true)]
    pub finished: Option<Timestamp>,
}

/// A page of pulls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PullList {
    /// The pulls, the latest first.
    pub pulls: Vec<Pull>,
    /// Whether more follow.
    pub more: bool,
    /// Where the next page begins: ask again with it as `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// An image that is to be pulled: by one node, or by all of a region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPull {
    /// The image, such as `docker.io/library/nginx:1.27`; or else an entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The entry of the library; or else an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u32>,
    /// The node's id; or else a region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
    /// The region; all of its nodes but those that are drained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// Which pulls to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PullListQuery {
    /// Only those of this node.
    pub node: Option<u32>,
    /// Only those of this status.
    #[param(value_type = Option<PullStatus>)]
    pub status: Option<PullStatus>,
    /// How many, at most 1000.
    pub n: Option<usize>,
    /// Only pulls with smaller ids.
    pub last: Option<u32>,
}
