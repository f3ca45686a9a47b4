//! Arguments of `entrepot relay`.

use std::path::PathBuf;

use entrepot_oci::Platform;
use entrepot_rewrite::Root;
use entrepot_sync::{Format, RunLimits};

use crate::commands::{
    documents::{Documents, rewrite},
    session::Common,
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Relay {
    /// Options shared by all registry commands.
    pub(crate) common: Common,
    /// The stack's files.
    pub(crate) documents: Documents,
    /// Variable files that replace those next to the stack's files.
    pub(crate) env_files: Vec<PathBuf>,
    /// The new names of the images.
    pub(crate) names: rewrite::NamingOptions,
    /// The target of the images.
    pub(crate) to: Root,
    /// Copy options.
    pub(crate) options: CopyOptions,
    /// The places of the new files.
    pub(crate) places: Places,
    /// The action.
    pub(crate) doing: RelayAction,
}

/// Options for copying images.
#[derive(Debug)]
pub(crate) struct CopyOptions {
    /// Only these platforms; empty means all.
    pub(crate) platforms: Vec<Platform>,
    /// The manifest format; `None` means the registry's usual one.
    pub(crate) format: Option<Format>,
    /// Copy referrers as well.
    pub(crate) referrers: bool,
    /// The number of images copied at once.
    pub(crate) at_once: Option<usize>,
}

impl CopyOptions {
    /// Concurrency limits.
    pub(super) fn limits(&self) -> RunLimits {
        let usual = RunLimits::default();
        RunLimits { images: self.at_once.unwrap_or(usual.images), ..usual }
    }
}

/// The places of the new files.
#[derive(Debug)]
pub(crate) struct Places {
    /// The file that names the images; by default next to the old one.
    pub(crate) out: Option<PathBuf>,
    /// The file of variables.
    pub(crate) env_out: Option<PathBuf>,
    /// Change the files in place.
    pub(crate) in_place: bool,
}

/// The action.
#[derive(Debug)]
pub(crate) enum RelayAction {
    /// Copy the images and write the files.
    Copy,
    /// Only print what would be done.
    Nothing,
    /// Write scripts to a directory, for copying by other means.
    Scripts(PathBuf),
    /// Pack everything into a file, for a machine without network access.
    Bundle(PathBuf),
}
