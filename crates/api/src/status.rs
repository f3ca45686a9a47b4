//! How the service stands, for everybody.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{mode::Mode, timestamp::Timestamp, words::words};

words! {
    /// How an upstream was when it was asked last.
    UpstreamStanding {
        /// It was not asked since the start.
        Unknown = "unknown",
        /// It answered.
        Up = "up",
        /// It did not answer, again and again.
        Down = "down",
    }
}

/// How the service stands. It has nothing that not everybody may know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServiceStatus {
    /// What the operator says to everybody.
    #[schema(required = true)]
    pub notice: Option<String>,
    /// How much is on offer.
    pub mode: Mode,
    /// Why, if that is said.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// When that ends, if it is known.
    #[schema(required = true)]
    pub until: Option<Timestamp>,
    /// The largest blob that is fetched in `small-only`, in bytes.
    pub small: u64,
    /// Whether tags of mirrored repositories are listed.
    pub tag_lists: bool,
    /// The used part of the disk, where 1 is all of it.
    #[schema(required = true)]
    pub disk: Option<f64>,
    /// The upstreams, by name.
    pub upstreams: Vec<UpstreamStatus>,
}

/// How an upstream stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UpstreamStatus {
    /// The upstream.
    pub upstream: String,
    /// How it was when it was asked last.
    pub standing: UpstreamStanding,
    /// The part of our pulls that is left, where 1 is all of them; none if the upstream does not say.
    #[schema(required = true)]
    pub budget: Option<f64>,
    /// The links that it is reached over; none if no links are configured for it.
    #[schema(required = true)]
    #[serde(default)]
    pub links: Option<LinkCount>,
}

/// How many links of an upstream are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkCount {
    /// Those that carry what is fetched.
    pub ready: u64,
    /// All of them.
    pub all: u64,
}
