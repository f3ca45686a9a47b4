//! Concurrency limits of a run.

/// Concurrency limits of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// Images copied at once.
    pub images: usize,
    /// Memory for blobs in transit, in bytes. A blob needs one MiB, and half a MiB for each further target; small blobs
    /// need less.
    pub memory: usize,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self { images: 32, memory: 8 << 20 }
    }
}
