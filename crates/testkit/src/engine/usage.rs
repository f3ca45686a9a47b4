//! What a container uses, as the test says.

/// What a container uses.
#[derive(Clone, Copy, Debug, Default)]
pub struct TestUsage {
    /// Nanoseconds of processor time since its start.
    pub cpu_ns: u64,
    /// Bytes of memory, with those of files that could be forgotten.
    pub memory: u64,
    /// Bytes of those.
    pub inactive_file: u64,
}
