//! The image library: entries, nodes and their cards, specs, instances, pulls.
//!
//! - `sequence`: where ids come from; `installation`: by which name our containers are known
//! - `nodes`, `devices`, `specs`, `pulls`: one kind of row each

mod devices;
mod installation;
mod nodes;
mod pulls;
mod sequence;
mod specs;

pub use devices::{DeviceRecord, DeviceState, DeviceVendor, FoundDevice};
pub use nodes::{
    NewNode, NodeCheck, NodeFilter, NodeOffer, NodeRecord, NodeRemoval, NodeSettings, NodeStatus, PullVia,
    SecretChange, SecretRecord,
};
pub use pulls::{NewPull, PullEnd, PullFilter, PullRecord, PullStatus, PullStep};
pub use specs::{SpecFields, SpecFilter, SpecRecord, SpecRemoval, SpecVendor};

#[cfg(test)]
pub(crate) use devices::{ALL_DEVICES, DEVICES_OF, FORGET as FORGET_DEVICES, GONE as DEVICES_GONE};
#[cfg(test)]
pub(crate) use installation::INSTALLATION;
#[cfg(test)]
pub(crate) use nodes::{
    HOLDS_DATA, NODE, NODE_BY_NAME, NODE_SECRET, NODE_USES, NODES, REMOVE as REMOVE_NODE,
};
#[cfg(test)]
pub(crate) use pulls::{
    ACTIVE as ACTIVE_PULL, PULL, PULLS, PULLS_OF, TRIM as TRIM_PULLS, UNFINISHED as UNFINISHED_PULLS,
};
#[cfg(test)]
pub(crate) use specs::{REMOVE as REMOVE_SPEC, SPEC, SPEC_BY_NAME, SPEC_USES, SPECS};
