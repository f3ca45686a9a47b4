//! What is told about links.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use entrepot_oci::{Host, Rate};

use crate::network_fault::NetworkFault;

/// How a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkState {
    /// It is used.
    Ready,
    /// It failed, has rested, and gets single requests until one succeeds.
    OnTrial,
    /// Bytes are awaited and none come.
    Silent,
    /// It failed or was refused, and is used only if there is no other.
    Resting,
    /// This machine does not have its source address.
    Absent,
}

/// Why a link failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkFailure {
    /// This machine does not have its source address.
    Absent,
    /// Its proxy cannot be reached, or does not do what is asked.
    Proxy(NetworkFault),
    /// The registry could not be reached over it, but over another link.
    Unreachable(NetworkFault),
    /// A connection broke.
    Broken,
    /// Nothing came in time.
    Silent,
    /// The registry refused it, but not another link.
    Refused {
        /// The status of the answer.
        status: u16,
    },
    /// The registry asked to slow down (429).
    Limited,
    /// What came over it was not the registry's, and what came over another link was.
    Invalid,
}

impl fmt::Display for LinkFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("this machine does not have the source address"),
            Self::Proxy(fault) | Self::Unreachable(fault) => fault.kind().fmt(f),
            Self::Broken => f.write_str("the connection broke"),
            Self::Silent => f.write_str("nothing came in time"),
            Self::Refused { status } => write!(f, "refused with status {status}, unlike another link"),
            Self::Limited => f.write_str("asked to slow down"),
            Self::Invalid => f.write_str("what came was not the registry's"),
        }
    }
}

/// A link, as it is now.
#[derive(Clone, Debug)]
pub struct LinkStatus {
    /// Where it leads, without passwords.
    pub name: String,
    /// The registries that use it, by name.
    pub registries: Vec<Host>,
    /// How it is.
    pub state: LinkState,
    /// The most that it may carry.
    pub rate: Option<Rate>,
    /// What it carried lately, in bytes per second.
    pub measured: Option<u64>,
    /// Requests under way.
    pub active: usize,
    /// Bytes received over it.
    pub received: u64,
    /// Bytes sent over it.
    pub sent: u64,
    /// How often it failed or was refused.
    pub failures: u64,
    /// The last failure, and when it was.
    pub last_failure: Option<(SystemTime, LinkFailure)>,
    /// The registries that it rests for, for how long, and why.
    pub refused_by: Vec<(Host, Duration, LinkFailure)>,
    /// The address that a registry said it sees.
    pub seen_as: Option<String>,
}
