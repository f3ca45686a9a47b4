//! The egress links that registries are reached over.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{timestamp::Timestamp, words::words};

words! {
    /// How a link is.
    LinkState {
        /// It is used.
        Ready = "ready",
        /// It failed, has rested, and gets single requests until one succeeds.
        OnTrial = "on-trial",
        /// Bytes are awaited and none come.
        Silent = "silent",
        /// It failed, and is used only if there is no other.
        Resting = "resting",
        /// The server's machine does not have its source address.
        Absent = "absent",
    }
}

words! {
    /// Why a link failed.
    LinkReason {
        /// The server's machine does not have the source address.
        Absent = "absent",
        /// The proxy cannot be reached, or does not do what is asked.
        Proxy = "proxy",
        /// The registry could not be reached over it, but over another link.
        Unreachable = "unreachable",
        /// A connection broke.
        Broken = "broken",
        /// Nothing came in time.
        Silent = "silent",
        /// A registry refused it, and not another link.
        Refused = "refused",
        /// A registry asked to slow down.
        Limited = "limited",
        /// What came over it was not the registry's.
        Invalid = "invalid",
    }
}

/// The last failure of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkFailure {
    /// When it was.
    pub at: Timestamp,
    /// Why it failed.
    pub reason: LinkReason,
    /// The same in a sentence.
    pub detail: String,
}

/// A registry that a link rests for, while it is used for others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkRest {
    /// The registry.
    pub registry: String,
    /// How long it still rests, in seconds.
    pub seconds: u64,
    /// Why.
    pub reason: LinkReason,
}

/// One way by which requests leave the server's machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Link {
    /// Its proxy, its source address, or both; `direct` if it has neither. Never a password.
    pub name: String,
    /// The registries that use it.
    pub registries: Vec<String>,
    /// How it is.
    pub state: LinkState,
    /// The most that it may carry, as it is configured: `30Mbit/s`.
    #[schema(required = true)]
    pub rate: Option<String>,
    /// What it carried lately while it was in use, in bytes a second.
    #[schema(required = true)]
    pub measured: Option<u64>,
    /// Requests under way.
    pub active: u64,
    /// Bytes received over it.
    pub received: u64,
    /// Bytes sent over it.
    pub sent: u64,
    /// How often it failed or was refused.
    pub failures: u64,
    /// The last failure.
    #[schema(required = true)]
    pub last_failure: Option<LinkFailure>,
    /// The registries that it rests for.
    pub rests: Vec<LinkRest>,
    /// The address that a registry said it sees.
    #[schema(required = true)]
    pub seen_as: Option<String>,
}

/// The links.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkList {
    /// In the order of the configuration; none if it names none.
    pub links: Vec<Link>,
}
