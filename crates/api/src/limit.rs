//! How much may be pulled, who is banned, and why somebody was refused.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{timestamp::Timestamp, words::words};

words! {
    /// What a limit counts.
    LimitUnit {
        /// Requests.
        Requests = "requests",
        /// Bytes.
        Bytes = "bytes",
        /// Bytes in a second.
        BytesPerSecond = "bytes-per-second",
        /// Blobs at a time.
        Blobs = "blobs",
    }
}

/// A limit that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limit {
    /// Its key in the configuration: `per_client.manifests`.
    pub name: String,
    /// What is allowed, as it is written: `120/m burst 300`.
    pub allowed: String,
}

/// The limits in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LimitList {
    /// The limits; none limit nothing.
    pub limits: Vec<Limit>,
    /// How many clients and networks are known at the moment.
    pub clients: u64,
    /// How many bans are in force.
    pub bans: u64,
}

/// What somebody has left of a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LimitState {
    /// The limit's key in the configuration.
    pub name: String,
    /// What is allowed, as it is written.
    pub allowed: String,
    /// What it counts.
    pub unit: LimitUnit,
    /// How much is left now; none for what is not used up.
    #[schema(required = true)]
    pub left: Option<u64>,
}

/// How a client stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientLimits {
    /// As what the client is counted: an account, an address or a network.
    pub client: String,
    /// Whether it is limited at all.
    pub limited: bool,
    /// What it has left.
    pub limits: Vec<LimitState>,
    /// The ban that it is under.
    #[schema(required = true)]
    pub ban: Option<Ban>,
}

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ban {
    /// What it is called.
    pub id: String,
    /// Whom it is for: an address, a network or `account:NAME`.
    pub subject: String,
    /// The same as a network, for lists of others; none for an account.
    #[schema(required = true)]
    pub cidr: Option<String>,
    /// Why.
    pub reason: String,
    /// Who banned: an account, or `limits` for a condition of the configuration.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself; none if somebody has to lift it.
    #[schema(required = true)]
    pub until: Option<Timestamp>,
}

/// The bans in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BanList {
    /// The latest first.
    pub bans: Vec<Ban>,
}

/// Somebody to be banned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBan {
    /// Whom: `203.0.113.7`, `2001:db8::/48`, `account:alice`. A ban of addresses is not for accounts that log in from there.
    pub subject: String,
    /// Why. They are told.
    pub reason: String,
    /// For how many seconds; until it is lifted, if left out.
    #[serde(default)]
    pub seconds: Option<u64>,
}

/// A refusal by a limit, or several of the same client by the same limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LimitRefusal {
    /// The id that the client was told.
    pub id: String,
    /// Who was refused: an account, an address or a network.
    pub client: String,
    /// The limit, as metrics have it.
    pub limit: String,
    /// What the client was told.
    pub detail: String,
    /// How often.
    pub count: u64,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// When there is more.
    pub until: Timestamp,
}

/// What an id of a refusal or ban stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LimitExplanation {
    /// The refusal.
    #[schema(required = true)]
    pub refusal: Option<LimitRefusal>,
    /// The ban.
    #[schema(required = true)]
    pub ban: Option<Ban>,
}
