//! What is known of instances.

use std::time::SystemTime;

use sqlx::FromRow;

use super::words::{InstanceDesired, InstancePhase, InstanceReason, InstanceSplit};
use crate::{
    error::Error,
    sql::{count, from_ms, number, to_ms},
};

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceRecord {
    /// Its id.
    pub id: i64,
    /// The account that it belongs to.
    pub account_id: i64,
    /// The account's name when it was made.
    pub owner: String,
    /// Its name, one for each account.
    pub name: String,
    /// The entry that it runs.
    pub entry_id: i64,
    /// The spec that it has.
    pub spec_id: i64,
    /// The node that it is on.
    pub node_id: i64,
    /// The image, pinned by digest.
    pub image: String,
    /// The entry and the spec as they were, as JSON.
    pub snapshot: String,
    /// Environment, command and ports as they were asked for, as JSON.
    pub settings: String,
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// How it is.
    pub state: InstanceState,
    /// When it is to be stopped.
    pub stop_at: Option<SystemTime>,
    /// When it is to be removed.
    pub release_at: Option<SystemTime>,
    /// Rises with every change.
    pub revision: i64,
    /// When it was made.
    pub created: SystemTime,
    /// When it was changed last.
    pub changed: SystemTime,
}

/// How an instance is. It changes as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceState {
    /// Its container's id, once there is one.
    pub container_id: Option<String>,
    /// Its container's name.
    pub container_name: String,
    /// The image that its container was made of; `None`: the one that it has.
    pub made_of: Option<String>,
    /// Where it is on its way.
    pub phase: InstancePhase,
    /// What it should be.
    pub desired: InstanceDesired,
    /// Why it is so.
    pub reason: Option<InstanceReason>,
    /// More about that, for people.
    pub detail: Option<String>,
    /// False if it was started without its cards.
    pub has_devices: bool,
    /// True as long as processors, memory and cards are kept for it.
    pub holds: bool,
    /// Whether the limit on its cards was seen to hold.
    pub split: InstanceSplit,
    /// What each way into it showed, as JSON.
    pub split_proof: Option<String>,
    /// Where the container is not as it was asked for, as JSON.
    pub warnings: String,
    /// The exit code of its last run.
    pub exit_code: Option<i64>,
    /// True if its last run used too much memory.
    pub is_oom_killed: bool,
    /// How often it was started again.
    pub restarts: u64,
    /// When its last run began, by the engine's clock.
    pub started: Option<SystemTime>,
    /// When its last run ended, by the engine's clock.
    pub stopped: Option<SystemTime>,
    /// When its owner was warned of its end.
    pub warned: Option<SystemTime>,
}

/// A new instance.
#[derive(Clone, Debug)]
pub struct NewInstance {
    /// The account that it belongs to.
    pub account_id: i64,
    /// The account's name.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// The client's key for this request: the same one makes no second instance.
    pub request_key: Option<String>,
    /// The entry.
    pub entry_id: i64,
    /// The spec.
    pub spec_id: i64,
    /// The image, pinned by digest.
    pub image: String,
    /// The entry and the spec, as JSON.
    pub snapshot: String,
    /// Environment, command and ports, as JSON.
    pub settings: String,
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// True if its cards are split.
    pub is_split: bool,
    /// The ports of the container that are published.
    pub ports: Vec<u16>,
    /// When it is to be stopped.
    pub stop_at: Option<SystemTime>,
    /// When it is to be removed.
    pub release_at: Option<SystemTime>,
}

/// The part of a card that an instance has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocationRecord {
    /// The card.
    pub uuid: String,
    /// The part; the whole card without one.
    pub memory_mib: Option<u64>,
    /// The part of its computing units, in percent.
    pub core_percent: Option<u8>,
}

/// A published port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRecord {
    /// The port of the node.
    pub host: u16,
    /// The port of the container.
    pub container: u16,
}

/// Which instances are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceFilter {
    /// Of this account.
    pub account: Option<i64>,
    /// On this node.
    pub node: Option<i64>,
    /// Of this entry.
    pub entry: Option<i64>,
    /// With this spec.
    pub spec: Option<i64>,
    /// In this phase.
    pub phase: Option<InstancePhase>,
    /// With this in their name.
    pub search: Option<String>,
    /// With an id below this one.
    pub before: Option<i64>,
}

macro_rules! columns {
    ($($rest:literal),+) => {
        concat!(
            "SELECT id, account_id, owner, name, entry_id, spec_id, node_id, image, snapshot, settings, container_id, \
             container_name, made_of, phase, desired, reason, detail, with_devices, holds_devices, cpu_milli, memory_mib, split, \
             split_proof, warnings, exit_code, oom_killed, restarts, started_ms, stopped_ms, stop_at_ms, release_at_ms, \
             warned_ms, revision, created_ms, changed_ms FROM instance WHERE ",
            $($rest),+
        )
    };
}
pub(super) use columns;

#[derive(FromRow)]
pub(super) struct InstanceRow {
    id: i64,
    account_id: i64,
    owner: String,
    name: String,
    entry_id: i64,
    spec_id: i64,
    node_id: i64,
    image: String,
    snapshot: String,
    settings: String,
    container_id: Option<String>,
    container_name: String,
    made_of: Option<String>,
    phase: String,
    desired: String,
    reason: Option<String>,
    detail: Option<String>,
    with_devices: i64,
    holds_devices: i64,
    cpu_milli: i64,
    memory_mib: i64,
    split: String,
    split_proof: Option<String>,
    warnings: String,
    exit_code: Option<i64>,
    oom_killed: i64,
    restarts: i64,
    started_ms: Option<i64>,
    stopped_ms: Option<i64>,
    stop_at_ms: Option<i64>,
    release_at_ms: Option<i64>,
    warned_ms: Option<i64>,
    revision: i64,
    created_ms: i64,
    changed_ms: i64,
}

impl InstanceRow {
    pub(super) fn read(self) -> Result<InstanceRecord, Error> {
        let state = InstanceState {
            container_id: self.container_id,
            container_name: self.container_name,
            made_of: self.made_of,
            phase: InstancePhase::read(&self.phase)?,
            desired: InstanceDesired::read(&self.desired)?,
            reason: self.reason.as_deref().map(InstanceReason::read).transpose()?,
            detail: self.detail,
            has_devices: self.with_devices != 0,
            holds: self.holds_devices != 0,
            split: InstanceSplit::read(&self.split)?,
            split_proof: self.split_proof,
            warnings: self.warnings,
            exit_code: self.exit_code,
            is_oom_killed: self.oom_killed != 0,
            restarts: count(self.restarts),
            started: self.started_ms.map(from_ms),
            stopped: self.stopped_ms.map(from_ms),
            warned: self.warned_ms.map(from_ms),
        };
        Ok(InstanceRecord {
            id: self.id,
            account_id: self.account_id,
            owner: self.owner,
            name: self.name,
            entry_id: self.entry_id,
            spec_id: self.spec_id,
            node_id: self.node_id,
            image: self.image,
            snapshot: self.snapshot,
            settings: self.settings,
            cpu_milli: count(self.cpu_milli),
            memory_mib: count(self.memory_mib),
            state,
            stop_at: self.stop_at_ms.map(from_ms),
            release_at: self.release_at_ms.map(from_ms),
            revision: self.revision,
            created: from_ms(self.created_ms),
            changed: from_ms(self.changed_ms),
        })
    }
}

/// A time on its way into the database.
pub(super) fn ms(at: Option<SystemTime>) -> Option<i64> {
    at.map(to_ms)
}

/// An amount on its way into the database.
pub(super) fn amount(amount: Option<u64>) -> Option<i64> {
    amount.map(number)
}
