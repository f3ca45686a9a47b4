//! Requests for images: somebody asks, and all of the image is fetched.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{timestamp::Timestamp, words::words};

words! {
    /// How far a request for an image is.
    ImageRequestStatus {
        /// It waits for its turn.
        Queued = "queued",
        /// What is missing comes.
        Running = "running",
        /// All of it is here, and was read back.
        Done = "done",
        /// It failed.
        Failed = "failed",
        /// Everybody who asked has taken it back, or it waited too long.
        Canceled = "canceled",
    }
}

words! {
    /// Why an image could not be fetched. A word keeps its meaning; new ones may come.
    ImageRequestFault {
        /// The registry does not have the image.
        NotFound = "not-found",
        /// The registry does not give it.
        Denied = "denied",
        /// The registry limits how often it is asked.
        RateLimited = "rate-limited",
        /// The registry fails, or cannot be reached.
        Registry = "registry",
        /// The image is not for a platform that was asked for.
        NoPlatform = "no-platform",
        /// The image has become larger than images may be.
        TooLarge = "too-large",
        /// There is no space to keep it.
        NoSpace = "no-space",
        /// Bytes that are here are damaged.
        Damaged = "damaged",
        /// The store or the database fails.
        Store = "store",
        /// It waited too long for its turn.
        Lapsed = "lapsed",
    }
}

/// Why an image could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageRequestError {
    /// The class.
    pub code: ImageRequestFault,
    /// What to do about it, in the language of `Accept-Language`.
    pub hint: String,
    /// The words of the registry, or ours.
    pub detail: String,
}

/// A request for an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageRequest {
    /// Its id; later requests have greater ids.
    pub id: u32,
    /// The image in full: `docker.io/library/nginx:1.27`.
    pub image: String,
    /// What to pull once it is here: `m.example.com/docker.io/library/nginx:1.27`.
    pub pull: String,
    /// The platforms that are fetched.
    pub platforms: Vec<String>,
    /// How far it is.
    pub status: ImageRequestStatus,
    /// How many requests come before it, while it waits.
    #[schema(required = true)]
    pub position: Option<u64>,
    /// How many seconds it takes until all of it is here, as far as anybody can say.
    #[schema(required = true)]
    pub seconds_left: Option<u64>,
    /// Bytes that are here.
    pub done: u64,
    /// Bytes of the whole, if they are known.
    #[schema(required = true)]
    pub total: Option<u64>,
    /// Bytes a second, while they come.
    #[schema(required = true)]
    pub rate: Option<u64>,
    /// What its reference leads to.
    #[schema(required = true)]
    pub digest: Option<String>,
    /// How many ask for it.
    pub askers: u64,
    /// Why it failed, if it did.
    #[schema(required = true)]
    pub error: Option<ImageRequestError>,
    /// When it was asked for.
    pub created: Timestamp,
    /// When its turn came.
    #[schema(required = true)]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[schema(required = true)]
    pub finished: Option<Timestamp>,
}

/// A page of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageRequestList {
    /// The requests, the latest first.
    pub requests: Vec<ImageRequest>,
    /// Whether more follow.
    pub more: bool,
    /// Where the next page begins: ask again with it as `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// An image that somebody asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewImageRequest {
    /// The image as people write or copy it: `nginx`, `docker pull nginx`, the address of its page at a registry. If it is
    /// not certain what is meant, the answer has `suggestions`.
    pub image: String,
    /// The platforms, such as `linux/arm64`; none for those of the configuration, as far as the image has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub platforms: Vec<String>,
}

/// What there is to an image that somebody may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageRequestLook {
    /// The image in full.
    pub image: String,
    /// What its reference leads to.
    pub digest: String,
    /// The platforms that would be fetched.
    pub platforms: Vec<String>,
    /// All platforms that it is for.
    pub offered: Vec<String>,
    /// Bytes of the whole.
    pub total: u64,
    /// Bytes that are not here.
    pub missing: u64,
    /// How many requests would come before it.
    pub ahead: u64,
}

/// Which requests to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImageRequestListQuery {
    /// Only those of this status.
    #[param(value_type = Option<ImageRequestStatus>)]
    pub status: Option<ImageRequestStatus>,
    /// How many, at most 1000.
    pub n: Option<usize>,
    /// Only requests with smaller ids.
    pub last: Option<u32>,
}
