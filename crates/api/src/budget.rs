//! What upstreams allow us, account by account.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::words::words;

words! {
    /// How an account at an upstream stands.
    BudgetState {
        /// The upstream does not tell what is left.
        Unknown = "unknown",
        /// It has pulls left.
        Usable = "usable",
        /// It has none left: it is tried once in a while until its window is over.
        UsedUp = "used-up",
        /// The upstream has refused a request as one too many, whatever is left.
        Resting = "resting",
    }
}

/// What all upstreams allow us.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Budget {
    /// The upstreams, by name.
    pub upstreams: Vec<UpstreamBudget>,
}

/// What an upstream allows us.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UpstreamBudget {
    /// The upstream.
    pub upstream: String,
    /// The pulls that background work leaves to clients.
    pub reserve: u64,
    /// Our accounts, in the order of the configuration.
    pub accounts: Vec<AccountBudget>,
}

/// What an account at an upstream has left. Times are seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AccountBudget {
    /// The user name; none without an account.
    #[schema(required = true)]
    pub account: Option<String>,
    /// How it stands.
    pub state: BudgetState,
    /// The pulls in a window, as the upstream told last.
    #[schema(required = true)]
    pub limit: Option<u64>,
    /// The pulls left: as told last, less those since.
    #[schema(required = true)]
    pub left: Option<u64>,
    /// The length of the window.
    #[schema(required = true)]
    pub window: Option<u64>,
    /// When the window is over at the latest.
    #[schema(required = true)]
    pub resets_in: Option<u64>,
    /// Whom the upstream counts for, in its own words: an address, or an account.
    #[schema(required = true)]
    pub source: Option<String>,
    /// True if it counts for our address although the account is used.
    pub counts_address: bool,
    /// Manifests fetched since the start.
    pub spent: u64,
    /// Manifests in an hour, as of late.
    pub per_hour: f64,
    /// When nothing is left if it goes on like that, unless the window is over before.
    #[schema(required = true)]
    pub used_up_in: Option<u64>,
}
