//! How much a container uses.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;

use crate::{
    engine::{Engine, MAX_DOCUMENT},
    error::Error,
    json::{self, null_is_default},
    names::ContainerId,
    time,
    transport::{BODY_TIMEOUT, Wait},
};

/// The least time between two samples that say something about processors.
const LEAST_NS: i128 = 500_000_000;

/// How much a container has used up to a moment. Two of them say how much it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When, by the engine's clock, in nanoseconds since 1970.
    pub read_ns: i128,
    /// Processor time of all its processes since it was started, in nanoseconds.
    pub cpu_ns: u64,
    /// Memory.
    pub memory: Memory,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// How much memory a container uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes.
    pub bytes: u64,
    /// Whether files that could be forgotten at any time are among them: the engine does not tell them apart.
    pub has_cache: bool,
    /// How many it may use, as the engine says; it may be more than there are.
    pub limit: Option<u64>,
}

impl Sample {
    /// How many processors it used since an earlier sample; nothing if that is not known. The engines' own earlier
    /// sample is not used: it is empty or wrong on some of them.
    pub fn cores_since(&self, earlier: &Self) -> Option<f64> {
        let time = self.read_ns - earlier.read_ns;
        let used = self.cpu_ns.checked_sub(earlier.cpu_ns)?;
        (time >= LEAST_NS).then(|| used as f64 / time as f64)
    }
}

impl Memory {
    /// How many bytes it may use on a machine that has so many.
    pub fn limit_on(&self, machine: u64) -> u64 {
        self.limit.map_or(machine, |limit| limit.min(machine))
    }
}

#[derive(Deserialize)]
struct WireStats {
    #[serde(default)]
    read: String,
    #[serde(default, deserialize_with = "null_is_default")]
    cpu_stats: Cpu,
    #[serde(default, deserialize_with = "null_is_default")]
    memory_stats: WireMemory,
    #[serde(default, deserialize_with = "null_is_default")]
    pids_stats: Pids,
}

#[derive(Default, Deserialize)]
struct Cpu {
    #[serde(default, deserialize_with = "null_is_default")]
    cpu_usage: Usage,
}

#[derive(Default, Deserialize)]
struct Usage {
    #[serde(default)]
    total_usage: u64,
}

#[derive(Default, Deserialize)]
struct WireMemory {
    #[serde(default)]
    usage: u64,
    #[serde(default)]
    limit: u64,
    #[serde(default, deserialize_with = "null_is_default")]
    stats: BTreeMap<String, serde_json::Value>,
}

#[derive(Default, Deserialize)]
struct Pids {
    #[serde(default)]
    current: Option<u64>,
}

impl Engine {
    /// How much a container has used; `None` if it does not run.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there.
    pub async fn stats(&self, id: &ContainerId) -> Result<Option<Sample>, Error> {
        // Without `one-shot` Docker waits a second for a second sample, which nobody looks at.
        let path = format!("containers/{id}/stats?stream=false&one-shot=true");
        match self.call(Method::GET, &path, Wait::SHORT).await {
            Ok(answer) => {
                let said = answer.body.whole(MAX_DOCUMENT, BODY_TIMEOUT).await?;
                // Podman says nothing of one that does not run.
                if said.is_empty() { Ok(None) } else { Ok(sample(&json::read(&said)?)) }
            }
            Err(Error::Conflict(_)) if self.is_podman() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn sample(wire: &WireStats) -> Option<Sample> {
    let cpu_ns = wire.cpu_stats.cpu_usage.total_usage;
    if cpu_ns == 0 && wire.memory_stats.usage == 0 {
        return None;
    }
    Some(Sample {
        read_ns: time::ns(&wire.read)?,
        cpu_ns,
        memory: memory(&wire.memory_stats),
        pids: wire.pids_stats.current,
    })
}

// Version 2 of control groups calls it one thing, version 1 another.
fn memory(wire: &WireMemory) -> Memory {
    let inactive =
        ["total_inactive_file", "inactive_file"].iter().find_map(|name| wire.stats.get(*name)?.as_u64());
    let without = inactive.and_then(|inactive| wire.usage.checked_sub(inactive));
    Memory {
        bytes: without.unwrap_or(wire.usage),
        has_cache: without.is_none(),
        limit: Some(wire.limit).filter(|limit| *limit > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Sample> {
        sample(&serde_json::from_str(json).unwrap())
    }

    fn at(read_ns: i128, cpu_ns: u64) -> Sample {
        Sample { read_ns, cpu_ns, memory: Memory { bytes: 0, has_cache: true, limit: None }, pids: None }
    }

    // Row 57.
    #[test]
    fn processors_are_counted_between_two_samples_of_ours() {
        const SECOND: i128 = 1_000_000_000;
        let first = at(10 * SECOND, 5_000_000_000);
        assert_eq!(at(12 * SECOND, 8_000_000_000).cores_since(&first), Some(1.5));
        assert_eq!(at(12 * SECOND, 5_000_000_000).cores_since(&first), Some(0.0));
        // It was started anew, the clock was set back, or too little time has passed.
        assert_eq!(at(12 * SECOND, 4_000_000_000).cores_since(&first), None);
        assert_eq!(at(9 * SECOND, 6_000_000_000).cores_since(&first), None);
        assert_eq!(at(10 * SECOND + 1, 6_000_000_000).cores_since(&first), None);
    }

    #[test]
    fn memory_is_read_in_every_form() {
        let of = |memory: &str| {
            let json = format!(
                r#"{{"read":"2026-11-30T17:00:00Z","cpu_stats":{{"cpu_usage":{{"total_usage":1}}}},"memory_stats":{memory}}}"#
            );
            let memory = read(&json).unwrap().memory;
            (memory.bytes, memory.has_cache, memory.limit_on(1000))
        };
        assert_eq!(of(r#"{"usage":100,"limit":500,"stats":{"inactive_file":30}}"#), (70, false, 500));
        assert_eq!(
            of(r#"{"usage":100,"limit":9999,"stats":{"total_inactive_file":40,"inactive_file":1}}"#),
            (60, false, 1000)
        );
        assert_eq!(of(r#"{"usage":100,"limit":0,"stats":{"inactive_file":300}}"#), (100, true, 1000));
        // Podman has none.
        assert_eq!(of(r#"{"usage":100,"limit":18446744073709551615,"stats":null}"#), (100, true, 1000));
    }

    #[test]
    fn what_does_not_run_uses_nothing() {
        assert_eq!(
            read(
                r#"{"read":"0001-01-01T00:00:00Z","cpu_stats":{"cpu_usage":{"total_usage":0}},"memory_stats":{}}"#
            ),
            None
        );
        assert_eq!(read(r#"{"read":"","cpu_stats":null,"memory_stats":null,"pids_stats":null}"#), None);
    }
}
