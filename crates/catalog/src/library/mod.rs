//! The image library.
//!
//! - `sequence`: where ids come from
//! - `instances`: what runs

mod instances;
mod sequence;

pub use instances::{
    AllocationRecord, Chosen, Ground, GroundCard, GroundNode, GroundShare, Holdings, InstanceChange,
    InstanceChanged, InstanceDesired, InstanceFilter, InstancePhase, InstanceReason, InstanceRecord,
    InstanceSplit, InstanceState, NewInstance, PeriodRecord, Placed, PortRange, PortRecord, QuotaRecord,
    Taken, VolumeRecord,
};

#[cfg(test)]
pub(crate) use instances::queries as instance_queries;
