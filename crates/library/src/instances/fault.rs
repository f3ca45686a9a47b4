//! Why something is not done with an instance.

use entrepot_catalog::InstancePhase;

use super::{ground::NoPlace, request::RunFault};
use crate::text::joined;

/// Why something is not done with an instance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstanceFault {
    /// The request is wrong: all that is.
    #[error("{}", joined(.0))]
    Request(Vec<RunFault>),
    /// The entry or the spec is not offered.
    #[error("the {kind} `{name}` is off the shelf")]
    OffShelf {
        /// `entry` or `spec`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Nobody knows yet which image the entry leads to.
    #[error("no check has found the image of the entry `{0}` yet")]
    Unchecked(String),
    /// The account has an instance of this name.
    #[error("there is an instance `{0}` already")]
    NameTaken(String),
    /// The node has too few free ports.
    #[error("the node has no free port left")]
    NoPorts,
    /// There is no place for it.
    #[error("{}", place(.0))]
    NoPlace(NoPlace),
    /// The volume is not there, or has an instance already.
    #[error("there is no volume `{0}` of yours that is free")]
    Volume(String),
    /// An instance has the volume.
    #[error("an instance has the volume `{0}`")]
    VolumeInUse(String),
    /// The node does not do it now.
    #[error("the node `{0}` does not do it now")]
    NodeSilent(String),
    /// A program does not start in its container, and what was said instead.
    #[error("the container does not start the program: {0}")]
    NotStarted(String),
    /// As many programs run in its container as may.
    #[error("{0} programs run in the container already")]
    TooManyPrograms(usize),
    /// The name is none that an image may be saved under; which prefixes take pushes.
    #[error("an image is saved under a name with a tag that takes pushes, which begins with {0}")]
    NotHosted(String),
    /// It is being saved already.
    #[error("the instance is being saved already")]
    BeingSaved,
    /// Nobody saves it.
    #[error("the instance is not being saved")]
    NotBeingSaved,
    /// It could not be saved, and why.
    #[error("the instance could not be saved: {0}")]
    NotSaved(String),
    /// It cannot be done as the instance is.
    #[error("the instance is {}", .0.as_str())]
    Phase(InstancePhase),
}

fn place(no: &NoPlace) -> String {
    match no {
        NoPlace::NoNode => "no node takes something new".to_owned(),
        NoPlace::NoRoom(_) => "no node has room for it".to_owned(),
        NoPlace::Quota(fault) => fault.to_string(),
    }
}
