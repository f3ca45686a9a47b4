//! What an engine says of a container.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    message::Message,
    names::{ContainerId, ImageId},
    owner::Owner,
    ports::Publish,
};

/// What a container does, in one set of words for both engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContainerStatus {
    /// It was made, and never ran.
    Created,
    /// It runs.
    Running,
    /// It is held.
    Paused,
    /// The engine starts it again.
    Restarting,
    /// It is on its way to an end.
    Stopping,
    /// It ran, and ended.
    Exited,
    /// It is being removed.
    Removing,
    /// The engine could not remove all of it.
    Dead,
    /// A word that is not known here.
    Unknown,
}

impl ContainerStatus {
    /// Reads the engine's word.
    pub(crate) fn of_engine(word: &str) -> Self {
        match word {
            "created" | "configured" | "initialized" => Self::Created,
            "running" => Self::Running,
            "paused" => Self::Paused,
            "restarting" => Self::Restarting,
            "stopping" => Self::Stopping,
            "exited" | "stopped" => Self::Exited,
            "removing" => Self::Removing,
            "dead" => Self::Dead,
            _ => Self::Unknown,
        }
    }

    /// Whether processes of it may be there.
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting | Self::Stopping)
    }
}

/// How a container is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerState {
    /// What it does.
    pub status: ContainerStatus,
    /// When it was started last, by the engine's clock, in milliseconds since 1970.
    pub started_ms: Option<i64>,
    /// When it ended last; nothing while it runs.
    pub finished_ms: Option<i64>,
    /// How its first process ended; nothing while it runs, and before.
    pub exit_code: Option<i64>,
    /// Whether it was ended because it used too much memory.
    pub oom_killed: bool,
    /// Why the engine could not start it.
    pub error: Message,
}

/// A container, as its engine describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its id.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// The image that it was made of.
    pub image: Option<ImageId>,
    /// What the image was called then.
    pub image_name: String,
    /// When it was made, by the engine's clock, in milliseconds since 1970.
    pub created_ms: Option<i64>,
    /// Whose it is; nothing for what is not ours.
    pub owner: Option<Owner>,
    /// How it is.
    pub state: ContainerState,
    /// How it was made.
    pub settings: ContainerSettings,
}

/// How a container was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerSettings {
    /// Its variables, with those of the image.
    pub environment: BTreeMap<String, String>,
    /// Whether it has a terminal, so that its output is one stream.
    pub terminal: bool,
    /// Thousandths of a processor.
    pub cpu_milli: Option<u32>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Bytes of `/dev/shm`.
    pub shm: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// Bytes of its own disk.
    pub disk: Option<u64>,
    /// Whether it has an init process.
    pub init: bool,
    /// When the engine starts it again by itself; empty for never.
    pub restart_policy: String,
    /// Bytes that are kept of its log at most.
    pub log: Option<u64>,
    /// Whether it may do everything on the machine.
    pub privileged: bool,
    /// Which runtime runs it.
    pub runtime: String,
    /// Which devices it has, as far as the engine says.
    pub devices: Evidence,
    /// What is mounted, by the path in the container.
    pub mounts: BTreeMap<String, ContainerMount>,
    /// Which ports lead to it.
    pub ports: BTreeSet<Publish>,
    /// Name spaces that it shares with its machine: `pid`, `ipc`, `network`, `uts`, `user`.
    pub host_namespaces: BTreeSet<&'static str>,
    /// Capabilities that it has besides the usual ones.
    pub added_capabilities: BTreeSet<String>,
}

/// What shows which devices a container has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Docker repeats what it was asked for.
    Requests {
        /// By name.
        names: BTreeSet<String>,
        /// Whether some are counted instead.
        are_counted: bool,
    },
    /// Podman says which device files there are, once the container was started.
    Files(BTreeSet<String>),
}

impl Default for Evidence {
    fn default() -> Self {
        Self::Files(BTreeSet::new())
    }
}

/// What is mounted somewhere in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerMount {
    /// The name of a volume, or a path of the machine.
    pub source: String,
    /// Whether it is a volume.
    pub is_volume: bool,
    /// Whether it may be written.
    pub is_writable: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_words_are_known() {
        for (word, status, alive) in [
            ("created", ContainerStatus::Created, false),
            ("configured", ContainerStatus::Created, false),
            ("initialized", ContainerStatus::Created, false),
            ("running", ContainerStatus::Running, true),
            ("paused", ContainerStatus::Paused, true),
            ("restarting", ContainerStatus::Restarting, true),
            ("stopping", ContainerStatus::Stopping, true),
            ("exited", ContainerStatus::Exited, false),
            ("stopped", ContainerStatus::Exited, false),
            ("removing", ContainerStatus::Removing, false),
            ("dead", ContainerStatus::Dead, false),
            ("what", ContainerStatus::Unknown, false),
        ] {
            assert_eq!((ContainerStatus::of_engine(word), status.is_alive()), (status, alive), "{word}");
        }
    }
}
