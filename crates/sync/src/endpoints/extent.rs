//! Parts of a file.

/// The location of bytes in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The offset of the first byte.
    pub(crate) start: u64,
    /// The number of bytes.
    pub(crate) size: u64,
}
