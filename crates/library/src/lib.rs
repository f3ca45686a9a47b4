//! The image library: which images a team may run, on which machines, and what runs there.
//!
//! - [`Library`]: the handle that everything else uses, with a verb for each thing that can be asked
//! - [`NewEntry`], [`EntryChange`]: the images that may be run, as people say them; [`advice`]: what would be better
//! - [`TransferFormat`]: entries as documents
//! - [`Tenant`]: for whom something is done; [`LibrarySettings`]: what the configuration says
//! - [`placement`], [`split`], [`lifecycle`]: which cards an instance gets, how, and what becomes of it; all pure
//!
//! Decisions are pure; what they decide is done by the modules named after the things. This crate knows no HTTP answers.

#![forbid(unsafe_code)]

mod address;
mod deeds;
mod entries;
mod error;
mod ids;
mod inside;
mod instances;
mod library;
pub mod lifecycle;
mod nodes;
mod pins;
pub mod placement;
mod pulls;
mod settings;
mod specs;
pub mod split;
mod tenant;
mod text;
mod transfer;

pub use address::{AddressFault, AddressLogin, ImageAddress};
pub use entries::{Advice, EntryChange, EntryError, EntryFault, Field, FieldFault, NewEntry, advice};
pub use error::Error;
pub use ids::{EntryId, IdError, InstanceId, NodeId, PullId, SpecId};
pub use inside::LayerScope;
pub use instances::{
    Allowance, CardSnapshot, CardVendor, CreatedInstance, Edit, EntrySnapshot, Free, InstanceFault,
    InstanceImage, InstanceSettings, InstanceTarget, InstanceView, NoPlace, PortSpan, Program,
    ProgramControl, ProgramPlace, QuotaFault, QuotaSettings, RunFault, RunRequest, RunSettings, SavingPhase,
    SavingProgress, SavingWatch, Snapshot, SpecSnapshot, Usage, Volumes, cost_of,
};
pub use library::{Library, LibraryParts};
pub use nodes::{
    CheckDepth, Condition, ConditionCode, DEFAULT_HAMI_CORE, Facts, Link, NodeChange, NodeFault, NodeTls,
    TlsChange, offer, read_conditions,
};
pub use pulls::{
    LayerPhase, LayerProgress, LibraryImage, PullFailure, PullFault, PullPhase, PullPlan, PullProgress,
    PullRequest, PullState, PullWatch, SourceError,
};
pub use settings::{LibrarySettings, NodesSettings, PullsSettings, SshSettings};
pub use specs::{CheckedSpec, SpecFault};
pub use tenant::Tenant;
pub use transfer::{DocumentFault, ImportResult, ReadDocument, RowError, RowFault, TransferFormat};
