//! Why work on an instance does not go on.

use entrepot_catalog::InstanceReason;
use entrepot_engine::Error as EngineError;

use super::container::ContainerFault;

/// The longest text about a reason, in characters.
const MAX_DETAIL: usize = 500;

/// Why work on an instance does not go on.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Somebody wants something else of it by now. Whoever that is goes on.
    Changed,
    /// The node does not answer. The next look goes on where this ended.
    Unreachable(String),
    /// It did not work, and why. The next look tries again.
    Again(InstanceReason, String),
    /// It cannot be, and why.
    Failed(InstanceReason, String),
    /// The database failed. The next look goes on where this ended.
    Catalog(entrepot_catalog::Error),
}

impl Halt {
    /// It cannot be, and why.
    pub(crate) fn failed(reason: InstanceReason, detail: impl ToString) -> Self {
        Self::Failed(reason, short(&detail))
    }

    /// It did not work, and why. The next look tries again.
    pub(crate) fn again(reason: InstanceReason, detail: impl ToString) -> Self {
        Self::Again(reason, short(&detail))
    }

    /// An engine did not do something.
    pub(crate) fn engine(reason: InstanceReason, error: &EngineError) -> Self {
        if error.is_answer() { Self::failed(reason, error) } else { Self::Unreachable(error.to_string()) }
    }
}

fn short(detail: &impl ToString) -> String {
    detail.to_string().chars().take(MAX_DETAIL).collect()
}

impl From<entrepot_catalog::Error> for Halt {
    fn from(error: entrepot_catalog::Error) -> Self {
        Self::Catalog(error)
    }
}

impl From<ContainerFault> for Halt {
    fn from(fault: ContainerFault) -> Self {
        let reason = match fault {
            ContainerFault::Device { .. } => InstanceReason::DeviceGone,
            _ => InstanceReason::CreateFailed,
        };
        Self::failed(reason, fault)
    }
}
