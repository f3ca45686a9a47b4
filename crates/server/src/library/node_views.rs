//! Nodes as the JSON API has them. Pure.

use std::time::SystemTime;

use entrepot_api as api;
use entrepot_catalog::{
    DeviceRecord, DeviceState, DeviceVendor, Listing, NodeOffer, NodeRecord, NodeSettings, NodeStatus,
    PullVia,
};
use entrepot_library::{
    Condition, ConditionCode, DEFAULT_HAMI_CORE, Facts, NodeChange, NodeTls, TlsChange, read_conditions,
};

use super::node_words;
use crate::pages::words::Language;

/// What belongs to nodes, and for whom they are shown.
pub(crate) struct NodeContext<'a> {
    pub(crate) devices: &'a [DeviceRecord],
    pub(crate) ends: &'a [(i64, Option<SystemTime>)],
    pub(crate) language: Language,
}

pub(crate) fn list(page: Listing<NodeRecord>, around: NodeContext<'_>) -> api::NodeList {
    let next = page.rows.last().filter(|_| page.more).map(|last| last.settings.name.clone());
    let nodes = page.rows.into_iter().map(|record| node(record, &around)).collect();
    api::NodeList { nodes, more: page.more, next }
}

pub(crate) fn node(record: NodeRecord, around: &NodeContext<'_>) -> api::Node {
    let NodeSettings {
        name,
        region,
        address,
        public_host,
        pull_via,
        mirror_url,
        hami_core,
        strict_split,
        drained,
        ascend_cards,
        ascend_model,
        ascend_memory_mib,
        remark,
    } = record.settings;
    let ends = around.ends.iter().find(|(id, _)| *id == record.id);
    let conditions = read_conditions(&record.conditions);
    let devices = around.devices.iter().filter(|device| device.node == record.id).cloned();
    let ascend = api::AscendCards { cards: ascend_cards, model: ascend_model, memory_mib: ascend_memory_mib };
    api::Node {
        id: u32::try_from(record.id).unwrap_or_default(),
        name,
        region,
        address,
        has_tls: ends.is_some(),
        certificate_ends: ends.and_then(|(_, ends)| *ends).map(Into::into),
        public_host,
        pull_via: via(pull_via),
        mirror_url,
        hami_core,
        strict_split,
        drained,
        ascend: Some(ascend).filter(|ascend| ascend.cards > 0),
        remark,
        status: status(record.status),
        offers: if drained { api::NodeOffer::Nothing } else { offer(record.offers) },
        conditions: conditions.into_iter().map(|found| condition(found, around.language)).collect(),
        facts: facts(Facts::read(&record.facts)),
        cpu_milli: record.cpus,
        memory_mib: record.memory_mib,
        devices: devices.map(device).collect(),
        seen: record.seen.map(Into::into),
        checked: record.checked.map(Into::into),
        created_by: record.created_by,
        revision: record.revision,
        created: record.created.into(),
        changed: record.changed.into(),
    }
}

fn condition(found: Condition, language: Language) -> api::NodeCondition {
    api::NodeCondition {
        code: code(found.code),
        offers: offer(found.code.offers()),
        text: node_words::condition(found.code, language).to_owned(),
        detail: Some(found.detail).filter(|detail| !detail.is_empty()),
    }
}

fn device(record: DeviceRecord) -> api::Device {
    let found = record.found;
    api::Device {
        uuid: found.uuid,
        position: found.position,
        vendor: match found.vendor {
            DeviceVendor::Nvidia => api::DeviceVendor::Nvidia,
            DeviceVendor::Ascend => api::DeviceVendor::Ascend,
        },
        model: found.model,
        cdi_name: found.cdi_name,
        memory_mib: found.memory_mib,
        used_mib: found.used_mib,
        state: match found.state {
            DeviceState::Healthy => api::DeviceState::Healthy,
            DeviceState::Gone => api::DeviceState::Gone,
            DeviceState::Quarantined => api::DeviceState::Quarantined,
            DeviceState::Busy => api::DeviceState::Busy,
            DeviceState::Mig => api::DeviceState::Mig,
        },
        detail: found.detail,
        seen: record.seen.into(),
    }
}

fn facts(facts: Facts) -> api::NodeFacts {
    api::NodeFacts {
        product: facts.product,
        release: facts.release,
        api: facts.api,
        os: facts.os,
        architecture: facts.architecture,
        kernel: facts.kernel,
        host_name: facts.host_name,
        system: facts.system,
        storage: facts.storage,
        file_system: facts.file_system,
        has_disk_quota: facts.has_disk_quota,
        runtimes: facts.runtimes,
        is_rootless: facts.is_rootless,
        image_bytes: facts.image_bytes,
        volume_bytes: facts.volume_bytes,
        disk_total: facts.disk_total,
        disk_used: facts.disk_used,
        clock_ahead_ms: facts.clock_ahead_ms,
        driver: facts.driver,
        cuda: facts.cuda,
        warnings: facts.warnings,
    }
}

/// What is said about a new node, and what it is reached with.
pub(crate) fn settings(new: api::NewNode) -> (NodeSettings, Option<NodeTls>) {
    let ascend = new.ascend.unwrap_or_default();
    let settings = NodeSettings {
        name: new.name,
        region: new.region,
        address: new.address,
        public_host: new.public_host,
        pull_via: new.pull_via.map_or(PullVia::Mirror, via_of),
        mirror_url: new.mirror_url,
        hami_core: new.hami_core.unwrap_or_else(|| DEFAULT_HAMI_CORE.to_owned()),
        strict_split: new.strict_split,
        drained: new.drained,
        ascend_cards: ascend.cards,
        ascend_model: ascend.model,
        ascend_memory_mib: ascend.memory_mib,
        remark: new.remark,
    };
    (settings, new.tls.map(tls))
}

/// A change of a node: what is left out of it stays.
pub(crate) fn change(mut change: api::NodeChange) -> NodeChange {
    let tls = match change.tls.take() {
        None => TlsChange::Keep,
        Some(None) => TlsChange::Remove,
        Some(Some(given)) => TlsChange::Set(tls(given)),
    };
    NodeChange { settings: Box::new(move |before| changed(before, change.clone())), tls }
}

fn changed(before: NodeSettings, change: api::NodeChange) -> NodeSettings {
    let (cards, model, memory) = match change.ascend {
        None => (before.ascend_cards, before.ascend_model, before.ascend_memory_mib),
        Some(ascend) => {
            let ascend = ascend.unwrap_or_default();
            (ascend.cards, ascend.model, ascend.memory_mib)
        }
    };
    NodeSettings {
        name: change.name.unwrap_or(before.name),
        region: change.region.unwrap_or(before.region),
        address: change.address.unwrap_or(before.address),
        public_host: change.public_host.unwrap_or(before.public_host),
        pull_via: change.pull_via.map_or(before.pull_via, via_of),
        mirror_url: change.mirror_url.unwrap_or(before.mirror_url),
        hami_core: change.hami_core.unwrap_or(before.hami_core),
        strict_split: change.strict_split.unwrap_or(before.strict_split),
        drained: change.drained.unwrap_or(before.drained),
        ascend_cards: cards,
        ascend_model: model,
        ascend_memory_mib: memory,
        remark: change.remark.unwrap_or(before.remark),
    }
}

fn tls(given: api::NodeTls) -> NodeTls {
    NodeTls { ca: given.ca, certificate: given.certificate, key: given.key.into() }
}

pub(crate) fn status_named(text: &str) -> Option<NodeStatus> {
    let all = [NodeStatus::Unknown, NodeStatus::Connected, NodeStatus::Failed];
    all.into_iter().find(|status| status.as_str() == text)
}

fn status(status: NodeStatus) -> api::NodeStatus {
    match status {
        NodeStatus::Unknown => api::NodeStatus::Unknown,
        NodeStatus::Connected => api::NodeStatus::Connected,
        NodeStatus::Failed => api::NodeStatus::Failed,
    }
}

fn offer(offer: NodeOffer) -> api::NodeOffer {
    match offer {
        NodeOffer::Nothing => api::NodeOffer::Nothing,
        NodeOffer::Containers => api::NodeOffer::Containers,
        NodeOffer::Cards => api::NodeOffer::Cards,
        NodeOffer::Parts => api::NodeOffer::Parts,
    }
}

fn via(via: PullVia) -> api::PullVia {
    match via {
        PullVia::Mirror => api::PullVia::Mirror,
        PullVia::Direct => api::PullVia::Direct,
    }
}

fn via_of(via: api::PullVia) -> PullVia {
    match via {
        api::PullVia::Mirror => PullVia::Mirror,
        api::PullVia::Direct => PullVia::Direct,
    }
}

fn code(code: ConditionCode) -> api::NodeConditionCode {
    use api::NodeConditionCode as Code;
    match code {
        ConditionCode::Unreachable => Code::Unreachable,
        ConditionCode::Tls => Code::Tls,
        ConditionCode::Sealed => Code::Sealed,
        ConditionCode::TooOld => Code::TooOld,
        ConditionCode::NotUsable => Code::NotUsable,
        ConditionCode::NotLinux => Code::NotLinux,
        ConditionCode::CertificateEnds => Code::CertificateEnds,
        ConditionCode::DiskFull => Code::DiskFull,
        ConditionCode::DiskNearlyFull => Code::DiskNearlyFull,
        ConditionCode::ClockSkew => Code::ClockSkew,
        ConditionCode::Rootless => Code::Rootless,
        ConditionCode::NoDiskQuota => Code::NoDiskQuota,
        ConditionCode::NoCards => Code::NoCards,
        ConditionCode::CardsWithoutNames => Code::CardsWithoutNames,
        ConditionCode::DriverUpdated => Code::DriverUpdated,
        ConditionCode::DriverGone => Code::DriverGone,
        ConditionCode::AscendRuntimeMissing => Code::AscendRuntimeMissing,
        ConditionCode::MpsRuns => Code::MpsRuns,
        ConditionCode::HamiMissing => Code::HamiMissing,
        ConditionCode::HamiUnknown => Code::HamiUnknown,
        ConditionCode::DriverUnproven => Code::DriverUnproven,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings_of(text: &str) -> (NodeSettings, Option<NodeTls>) {
        settings(serde_json::from_str(text).unwrap())
    }

    fn after(text: &str) -> (NodeSettings, bool) {
        let new =
            r#"{"name":"a","address":"unix:///a","public_host":"h","ascend":{"cards":2,"model":"910B4"}}"#;
        let before = settings_of(new).0;
        let change = change(serde_json::from_str(text).unwrap());
        ((change.settings)(before), matches!(change.tls, TlsChange::Remove))
    }

    #[test]
    fn a_new_node_has_defaults() {
        let (node, tls) = settings_of(r#"{"name":"a","address":"unix:///a"}"#);
        assert_eq!((node.hami_core.as_str(), node.pull_via), ("/root/HAMi-core/build", PullVia::Mirror));
        assert!(!node.drained && node.ascend_cards == 0 && tls.is_none());
    }

    #[test]
    fn what_is_left_out_stays_and_null_takes_away() {
        let (node, removes) = after(r#"{"drained":true}"#);
        assert!(node.drained && !removes);
        assert_eq!((node.public_host.as_deref(), node.ascend_cards, node.name.as_str()), (Some("h"), 2, "a"));
        let (node, removes) = after(r#"{"public_host":null,"ascend":null,"tls":null,"pull_via":"direct"}"#);
        assert!(removes);
        assert_eq!((node.public_host, node.ascend_cards, node.pull_via), (None, 0, PullVia::Direct));
    }
}
