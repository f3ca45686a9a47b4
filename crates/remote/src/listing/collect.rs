//! What the entries of a listing are collected in.

use crate::error::InvalidResponse;

/// Collects the entries of a listing.
pub(crate) trait Collect {
    /// Adds the entries of a page. Exceeding the bounds of the listing is an error.
    fn take(&mut self, bytes: &[u8]) -> Result<PageSummary, InvalidResponse>;

    /// The number of bytes that are held.
    fn held(&self) -> usize;
}

/// The entries of one page.
#[derive(Debug, Default)]
pub(crate) struct PageSummary {
    /// The number of entries.
    pub(crate) listed: usize,
    /// The number of entries that no earlier page had.
    pub(crate) new: usize,
    /// The last entry, if entries have names.
    pub(crate) last: Option<String>,
}
