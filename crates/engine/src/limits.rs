//! How much of its machine a container may use.

/// The least memory that engines take.
const LEAST_MEMORY: u64 = 6 << 20;

/// The least processor time that engines take, in thousandths of a processor.
const LEAST_CPU: u32 = 10;

/// How much of its machine a container may use. Everything is set on every container, so that no engine's default applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerLimits {
    /// Thousandths of a processor.
    pub cpu_milli: u32,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes of `/dev/shm`; the 64 MiB that engines give are too few for loading data in several processes.
    pub shm: u64,
    /// How many processes and threads.
    pub pids: u32,
    /// Bytes of the container's own disk, where the engine can limit them.
    pub disk: Option<u64>,
    /// What is kept of its log.
    pub log: LogLimits,
}

/// What is kept of a container's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    /// Mebibytes of one file.
    pub file_mib: u32,
    /// How many files.
    pub files: u32,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { file_mib: 20, files: 3 }
    }
}

/// Why limits make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// A limit of nothing.
    #[error("shared memory, processes, disk and log files are limited to at least 1")]
    Nothing,
    /// Less processor time than engines take.
    #[error("processors are limited to at least 0.01")]
    Processors,
    /// Less memory than engines take.
    #[error("memory is limited to at least 6 MiB")]
    Memory,
}

impl ContainerLimits {
    /// Looks whether engines take them.
    ///
    /// # Errors
    /// One of them is too small.
    pub fn check(&self) -> Result<(), LimitsError> {
        let LogLimits { file_mib, files } = self.log;
        if self.shm == 0 || self.pids == 0 || self.disk == Some(0) || file_mib == 0 || files == 0 {
            return Err(LimitsError::Nothing);
        }
        if self.cpu_milli < LEAST_CPU {
            return Err(LimitsError::Processors);
        }
        if self.memory < LEAST_MEMORY { Err(LimitsError::Memory) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_what_engines_take() {
        let limits = ContainerLimits {
            cpu_milli: 10,
            memory: 6 << 20,
            shm: 1,
            pids: 1,
            disk: None,
            log: LogLimits::default(),
        };
        assert_eq!(limits.check(), Ok(()));
        assert_eq!(ContainerLimits { cpu_milli: 9, ..limits }.check(), Err(LimitsError::Processors));
        assert_eq!(ContainerLimits { memory: 1 << 20, ..limits }.check(), Err(LimitsError::Memory));
        for nothing in [
            ContainerLimits { shm: 0, ..limits },
            ContainerLimits { pids: 0, ..limits },
            ContainerLimits { disk: Some(0), ..limits },
            ContainerLimits { log: LogLimits { file_mib: 0, files: 1 }, ..limits },
        ] {
            assert_eq!(nothing.check(), Err(LimitsError::Nothing));
        }
    }
}
