//! The image library: entries, nodes and their cards, specs, instances, pulls.
//!
//! - `sequence`: where ids come from; `installation`: by which name our containers are known
//! - `entries`: images that may be run; `entry_records`: their rows
//! - `instances`: what runs
//! - `waits`: who waits for a card
//! - `nodes`, `devices`, `specs`, `pulls`: one kind of row each

mod devices;
mod entries;
mod entry_records;
mod installation;
mod instances;
mod nodes;
mod pulls;
mod sequence;
mod specs;
mod waits;

pub use devices::{DeviceRecord, DeviceState, DeviceVendor, FoundDevice};
pub use entry_records::{
    Accelerator, CheckStatus, EntryCheck, EntryCursor, EntryFields, EntryFilter, EntryOrder, EntryPlatform,
    EntryRecord, EntryRemoval, EntrySave, EntryUse, ImageContents, Libc, PullQuota, SplitCheck,
};

pub use instances::{
    AllocationRecord, ChosenPlace, GroundCard, GroundNode, GroundShare, Holdings, InstanceChange,
    InstanceChanged, InstanceDesired, InstanceFilter, InstancePhase, InstanceReason, InstanceRecord,
    InstanceSplit, InstanceState, NewInstance, PeriodRecord, PlaceOutcome, PlacementFacts, PortRange,
    PortRecord, QuotaRecord, RetakeOutcome, VolumeRecord,
};
pub use nodes::{
    NewNode, NodeCheck, NodeFilter, NodeOffer, NodeRecord, NodeRemoval, NodeSettings, NodeStatus, PullVia,
    SecretChange, SecretRecord,
};
pub use pulls::{NewPull, PullEnd, PullFilter, PullRecord, PullStatus, PullStep};
pub(crate) use sequence::Sequence;
pub use specs::{SpecFields, SpecFilter, SpecRecord, SpecRemoval, SpecVendor};
pub use waits::SpecWait;

#[cfg(test)]
pub(crate) use devices::{ALL_DEVICES, DEVICES_OF, FORGET as FORGET_DEVICES, GONE as DEVICES_GONE};
#[cfg(test)]
pub(crate) use entries::{
    COUNT as COUNT_ENTRIES, ENTRY, LIST_BY_AGE as ENTRIES_BY_AGE, LIST_BY_AGE_BACK as ENTRIES_BY_AGE_BACK,
    LIST_BY_NAME as ENTRIES_BY_NAME, LIST_BY_NAME_BACK as ENTRIES_BY_NAME_BACK, NAMED as ENTRIES_NAMED,
    OF_IMAGE as ENTRIES_OF_IMAGE, PAGE as ENTRIES_PAGE, USES as ENTRY_USES,
    WITH_CREDENTIAL as ENTRY_WITH_CREDENTIAL,
};
#[cfg(test)]
pub(crate) use installation::INSTALLATION;
#[cfg(test)]
pub(crate) use instances::queries as instance_queries;
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
#[cfg(test)]
pub(crate) use waits::{END_WAIT, END_WAITS};
