//! Instances of the image library.
//!
//! - `place`: how they come to be and get their cards; `ground`: what that is decided on
//! - `rows`: found, changed, removed; `records`: what is known of them; `words`: what becomes of them
//! - `periods`: when they ran; `volumes`: what keeps their data; `quotas`: what accounts may have

mod ground;
mod periods;
mod place;
mod quotas;
mod records;
mod rows;
mod volumes;
mod words;

pub use ground::{GroundCard, GroundNode, GroundShare};
pub use periods::PeriodRecord;
pub use place::{ChosenPlace, Holdings, PlaceOutcome, PlacementFacts, PortRange, RetakeOutcome};
pub use quotas::QuotaRecord;
pub use records::{AllocationRecord, InstanceFilter, InstanceRecord, InstanceState, NewInstance, PortRecord};
pub use rows::{InstanceChange, InstanceChanged};
pub use volumes::VolumeRecord;
pub use words::{InstanceDesired, InstancePhase, InstanceReason, InstanceSplit};

#[cfg(test)]
pub(crate) mod queries {
    //! The queries, for the test that holds them to their indexes.

    use super::{ground, periods, place, quotas, rows, volumes};

    pub(crate) const ALL: [(&str, &str); 26] = [
        ("instance", rows::INSTANCE),
        ("instances", rows::INSTANCES),
        ("instances of a node", rows::ON_NODE),
        ("cards of an instance", rows::CARDS_OF),
        ("ports of an instance", rows::PORTS_OF),
        ("remove instance", rows::REMOVE),
        ("instance of a request", place::BY_REQUEST),
        ("instance by name", place::BY_NAME),
        ("what an account has", place::HELD),
        ("ports of a node", place::PORTS),
        ("drop cards", place::DROP_CARDS),
        ("move port", place::MOVE_PORT),
        ("nodes to place on", ground::NODES),
        ("cards to place on", ground::CARDS),
        ("cards that are taken", ground::TAKEN),
        ("what is used", ground::USED),
        ("periods", periods::OF_INSTANCE),
        ("open period", periods::OPEN),
        ("periods of a month", periods::OF_MONTH),
        ("quota", quotas::QUOTA),
        ("quotas", quotas::QUOTAS),
        ("instance by name", rows::WITH_NAME),
        ("volumes of an account", volumes::OF_ACCOUNT),
        ("volumes of an instance", volumes::OF_INSTANCE),
        ("volume", volumes::VOLUME),
        ("detach volumes", volumes::DETACH),
    ];
}
