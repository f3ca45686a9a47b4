//! What `entrepot copy` is told.

use entrepot_oci::Platform;
use entrepot_sync::Format;

use super::endpoint::Endpoint;
use crate::commands::session::Common;

/// The arguments.
#[derive(Debug)]
pub(crate) struct Copy {
    /// What every such command can be told.
    pub(crate) common: Common,
    /// From where.
    pub(crate) source: Endpoint,
    /// Where to; at least one.
    pub(crate) targets: Vec<Endpoint>,
    /// Whether every tag is meant.
    pub(crate) all_tags: bool,
    /// These platforms alone; empty: all.
    pub(crate) platforms: Vec<Platform>,
    /// The form of documents; `None`: what is usual for the registry.
    pub(crate) format: Option<Format>,
    /// Whether what refers to an image travels with it.
    pub(crate) referrers: bool,
    /// How many images at once.
    pub(crate) at_once: Option<usize>,
    /// Only say what would be done.
    pub(crate) dry_run: bool,
}
