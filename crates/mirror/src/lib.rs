//! Answers a pull from what we hold, fills what is missing from upstream once, takes pushes.
//!
//! - where a name leads: [`Names`]; how old an answer may be: `freshness`; both pure
//! - pulls: `manifests`, `blobs`, `fill` (the one download that any number of clients read), `lists`
//! - what strangers and clients decide the size of: `memory` (every cache, in bytes), [`Budget`] (answers in flight),
//!   `fill::ceiling` (blobs); `possession` proves that an upstream has what another one gave us
//! - pushes to hosted names: `uploads`, `hosted`; what is held, for people: `inventory`
//!
//! [`Mirror`] has a verb for each thing that can be asked; nothing here knows HTTP answers or SQL.

#![forbid(unsafe_code)]

mod blobs;
mod budget;
mod clock;
mod error;
mod fill;
mod flights;
mod freshness;
mod hosted;
mod inventory;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod laws;
mod lists;
mod manifests;
mod memory;
mod metrics;
mod mirror;
mod names;
mod passthrough;
mod possession;
mod pour;
mod served;
mod settings;
mod store;
mod stripes;
mod tasks;
mod uploads;
mod upstream;
mod uses;

pub use budget::{Budget, Room};
pub use clock::Clock;
pub use entrepot_blobs::Mapping;
pub use entrepot_catalog::{Origin, RepoKey};
pub use error::{Error, UpstreamFault};
pub use inventory::{HeldImage, HeldRepository, Holdings, ImagePage, Removal, RepositoryPage};
pub use metrics::Metrics;
pub use mirror::{Mirror, Parts, RuleError};
pub use names::{Asked, Names, Target};
pub use served::{
    BlobHead, BlobStream, Cut, HeldManifest, ManifestHead, Mounted, Opened, Pushed, ReferrerList, ServedBlob,
    ServedManifest, TagPage, Temperature, UploadId,
};
pub use settings::{Freshness, Settings, TagRule, Upstream};
