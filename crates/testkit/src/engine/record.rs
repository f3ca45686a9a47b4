//! A container as the engine keeps it.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::Value;

use super::usage::TestUsage;

/// A container as the engine keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) image_id: String,
    pub(crate) created_ms: i64,
    /// `Config` and `HostConfig` of an inspect, and `Mounts`.
    pub(crate) config: Value,
    pub(crate) host_config: Value,
    pub(crate) mounts: Value,
    /// What Podman shows of devices once it was started.
    pub(crate) cdi: BTreeSet<String>,
    pub(crate) life: Life,
}

/// A line, or a part of one, and the stream that it was printed to: 1 or 2.
pub(crate) type PrintedLine = (u8, Bytes);

/// What a container does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    pub(crate) status: RecordStatus,
    pub(crate) started_ms: Option<i64>,
    pub(crate) finished_ms: Option<i64>,
    pub(crate) exit_code: i64,
    pub(crate) oom_killed: bool,
    /// What it printed, and whether it never stops printing.
    pub(crate) printed: Vec<PrintedLine>,
    pub(crate) prints_forever: bool,
    pub(crate) usage: TestUsage,
    /// It does not end when it is asked to.
    pub(crate) is_stuck: bool,
}

/// The states that matter here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RecordStatus {
    #[default]
    Created,
    Running,
    Exited,
}

impl RecordStatus {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Exited => "exited",
        }
    }
}

impl Record {
    pub(crate) fn labels(&self) -> &Value {
        &self.config["Labels"]
    }

    /// Whether this is what a path calls it: by id, its beginning, or name.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name || (name.len() >= 12 && self.id.starts_with(name))
    }

    /// Its process ends by itself.
    pub(crate) fn end(&mut self, exit_code: i64, now_ms: i64) {
        self.life.status = RecordStatus::Exited;
        self.life.exit_code = exit_code;
        self.life.finished_ms = Some(now_ms);
    }
}
