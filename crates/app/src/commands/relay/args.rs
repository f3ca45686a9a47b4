//! What `entrepot relay` is told.

use std::path::PathBuf;

use entrepot_oci::Platform;
use entrepot_rewrite::Root;
use entrepot_sync::{Format, Limits};

use crate::commands::{
    documents::{Documents, rewrite},
    session::Common,
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Relay {
    /// What every such command can be told.
    pub(crate) common: Common,
    /// Which files.
    pub(crate) documents: Documents,
    /// Files of variables, instead of those beside the files.
    pub(crate) env_files: Vec<PathBuf>,
    /// What the images are to be called.
    pub(crate) names: rewrite::Names,
    /// Where they go.
    pub(crate) to: Root,
    /// How they are copied.
    pub(crate) options: CopyOptions,
    /// Where the new files go.
    pub(crate) places: Places,
    /// What is done.
    pub(crate) doing: Doing,
}

/// How images are copied.
#[derive(Debug)]
pub(crate) struct CopyOptions {
    /// These platforms alone; empty: all.
    pub(crate) platforms: Vec<Platform>,
    /// The form of documents; `None`: what is usual for the registry.
    pub(crate) format: Option<Format>,
    /// Whether what refers to an image travels with it.
    pub(crate) referrers: bool,
    /// How many images at once.
    pub(crate) at_once: Option<usize>,
}

impl CopyOptions {
    /// How much is done at once.
    pub(super) fn limits(&self) -> Limits {
        let usual = Limits::default();
        Limits { images: self.at_once.unwrap_or(usual.images), ..usual }
    }
}

/// Where the new files go.
#[derive(Debug)]
pub(crate) struct Places {
    /// The one that names the images, if not beside the old one.
    pub(crate) out: Option<PathBuf>,
    /// The one of variables.
    pub(crate) env_out: Option<PathBuf>,
    /// Whether the files themselves are changed.
    pub(crate) in_place: bool,
}

/// What is done.
#[derive(Debug)]
pub(crate) enum Doing {
    /// All of it.
    Copy,
    /// It is only told.
    Nothing,
    /// Scripts are written to a directory, for those who copy by other means.
    Scripts(PathBuf),
    /// All of it is packed into a file, for a machine without a network.
    Bundle(PathBuf),
}
