//! How much a run does at once.

/// How much a run does at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Images.
    pub images: usize,
    /// Bytes of blobs on their way from a source to its targets. A blob needs one MiB of them, and half of one more for
    /// each further target, or less if it is small.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { images: 32, memory: 8 << 20 }
    }
}
