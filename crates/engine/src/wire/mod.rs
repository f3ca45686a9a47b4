//! How a request for a container is written in the words of each engine.

pub(crate) mod docker;
pub(crate) mod libpod;

use crate::limits::ContainerLimits;

/// Nanoseconds of processor time in a second, for a limit in thousandths of a processor.
const NANOS_PER_MILLI: u64 = 1_000_000;

pub(crate) fn nano_cpus(limits: &ContainerLimits) -> u64 {
    u64::from(limits.cpu_milli) * NANOS_PER_MILLI
}
