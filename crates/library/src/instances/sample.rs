//! Instances for tests.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{InstanceDesired, InstancePhase, InstanceRecord, InstanceSplit, InstanceState};

use super::snapshot::{CardSnapshot, CardVendor, EntrySnapshot, Snapshot, SpecSnapshot};
use crate::instances::request::RunSettings;

/// An entry that supports the split, and a spec with one NVIDIA card, or so much of its memory.
pub(crate) fn snapshot(memory_mib: Option<u64>) -> Snapshot {
    let entry = EntrySnapshot {
        id: 1,
        name: "torch".to_owned(),
        address: "pytorch/pytorch:2.4".to_owned(),
        host: "docker.io".to_owned(),
        repository: "pytorch/pytorch".to_owned(),
        digest: format!("sha256:{}", "a".repeat(64)),
        memory_split: true,
        has_sshd: false,
    };
    let cards = CardSnapshot {
        vendor: CardVendor::Nvidia,
        model: Some("A100".to_owned()),
        count: 1,
        memory_mib,
        core_percent: None,
        template: None,
    };
    let spec = SpecSnapshot {
        id: 1,
        name: "a100-8g".to_owned(),
        cards: Some(cards),
        cpu_milli: 4_000,
        memory_mib: 16_384,
        system_disk_gib: None,
        shm_mib: None,
        price: 15_000,
        start_seconds: None,
    };
    Snapshot { entry, spec }
}

/// An instance in this phase, which should be running.
pub(crate) fn instance(phase: InstancePhase) -> InstanceRecord {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(900_000);
    let state = InstanceState {
        container_id: Some("c".repeat(64)),
        container_name: "entrepot-7".to_owned(),
        made_of: None,
        phase,
        desired: InstanceDesired::Running,
        reason: None,
        detail: None,
        has_devices: true,
        holds: true,
        split: InstanceSplit::Verified,
        split_proof: None,
        warnings: "[]".to_owned(),
        exit_code: None,
        is_oom_killed: false,
        restarts: 0,
        started: Some(at),
        stopped: None,
        warned: None,
    };
    InstanceRecord {
        id: 7,
        account_id: 3,
        owner: "ann".to_owned(),
        name: "train-1".to_owned(),
        entry_id: 1,
        spec_id: 1,
        node_id: 1,
        image: format!("docker.io/pytorch/pytorch@sha256:{}", "a".repeat(64)),
        snapshot: snapshot(Some(8192)).written(),
        settings: RunSettings::usual().written(),
        cpu_milli: 4_000,
        memory_mib: 16_384,
        state,
        stop_at: None,
        release_at: None,
        revision: 1,
        created: at,
        changed: at,
    }
}
