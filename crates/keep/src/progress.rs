//! How far a run is.

use entrepot_catalog::KeepCounts;

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeepProgress {
    /// How many images the list means; `None` while that is looked up.
    pub total: Option<u64>,
    /// How those stand that were looked at.
    pub counts: KeepCounts,
    /// Bytes that have come.
    pub bytes: u64,
    /// The image that it is about.
    pub image: Option<String>,
    /// True while it waits, since somebody waits for another image.
    pub waits: bool,
}
