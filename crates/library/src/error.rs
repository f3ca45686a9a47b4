//! Why something is refused or fails.

use crate::{instances::InstanceFault, nodes::NodeFault, specs::SpecFault, text::joined};

/// Why something in the library is refused or fails. No text has a secret in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing with this id, or the tenant may not know that there is.
    #[error("there is no {kind} `{id}`")]
    Unknown {
        /// What it would be: `entry`, `node`, `spec`, `instance`, `pull`.
        kind: &'static str,
        /// The id or name.
        id: String,
    },
    /// The name is taken.
    #[error("there is a {kind} `{name}` already")]
    Exists {
        /// What has it.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Instances use it.
    #[error("the {kind} `{name}` is in use by instances: {}", instances.join(", "))]
    InUse {
        /// What is used.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The names of some of them.
        instances: Vec<String>,
    },
    /// Volumes with somebody's data are on the node.
    #[error("volumes with data are on the node `{node}`: {}", volumes.join(", "))]
    HoldsData {
        /// The node's name.
        node: String,
        /// The names of some of them.
        volumes: Vec<String>,
    },
    /// The node takes nothing new.
    #[error("the node `{node}` is drained and takes nothing new")]
    Drained {
        /// The node's name.
        node: String,
    },
    /// There is no node in the region that takes anything new.
    #[error("there is no node in the region `{region}` that takes anything new")]
    EmptyRegion {
        /// The region.
        region: String,
    },
    /// It has ended already.
    #[error("the {kind} `{id}` has ended")]
    Ended {
        /// What.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// The text names no image, and why. The text is not repeated: somebody may have put a password into it.
    #[error("this names no image: {0}")]
    NotAnImage(String),
    /// What is said about a node has faults: all of them.
    #[error("the node cannot be used so: {}", joined(.0))]
    Node(Vec<NodeFault>),
    /// What a node is reached with does not open.
    #[error("the certificates of the node do not open: {0}")]
    Sealed(#[from] entrepot_secrets::OpenError),
    /// A spec has faults: all of them.
    #[error("the spec is not one: {}", joined(.0))]
    Spec(Vec<SpecFault>),
    /// Something is not done with an instance.
    #[error(transparent)]
    Instance(#[from] InstanceFault),
    /// Nobody would be told when a card is free.
    #[error("nobody would be told: no webhook asks for `card.free`")]
    NobodyListens,
    /// It was changed by somebody else in the meantime.
    #[error("it was changed since you looked at it")]
    Stale,
    /// The database failed.
    #[error("the library cannot be read or changed")]
    Catalog(#[from] entrepot_catalog::Error),
}

impl Error {
    /// True if nothing failed: it was asked for what cannot be.
    pub(crate) fn is_refusal(&self) -> bool {
        !matches!(self, Self::Catalog(_) | Self::Sealed(_))
    }
}

impl From<Vec<NodeFault>> for Error {
    fn from(faults: Vec<NodeFault>) -> Self {
        Self::Node(faults)
    }
}

impl From<Vec<SpecFault>> for Error {
    fn from(faults: Vec<SpecFault>) -> Self {
        Self::Spec(faults)
    }
}
