//! Arguments of `entrepot copy`.

use entrepot_oci::Platform;
use entrepot_sync::Format;

use super::endpoint::Endpoint;
use crate::commands::session::Common;

/// The arguments.
#[derive(Debug)]
pub(crate) struct Copy {
    /// Options shared by all registry commands.
    pub(crate) common: Common,
    /// The source.
    pub(crate) source: Endpoint,
    /// The targets; at least one.
    pub(crate) targets: Vec<Endpoint>,
    /// Copy every tag.
    pub(crate) all_tags: bool,
    /// Only these platforms; empty means all.
    pub(crate) platforms: Vec<Platform>,
    /// The manifest format; `None` means the registry's usual one.
    pub(crate) format: Option<Format>,
    /// Copy referrers as well.
    pub(crate) referrers: bool,
    /// The number of images copied at once.
    pub(crate) at_once: Option<usize>,
    /// Only print what would be done.
    pub(crate) dry_run: bool,
}
