//! Nodes and their cards.

use std::collections::BTreeSet;

use entrepot_catalog::{
    Catalog, DeviceState, DeviceVendor, FoundDevice, NewNode, NodeCheck, NodeFilter, NodeOffer, NodeRecord,
    NodeRemoval, NodeSettings, NodeStatus, PullVia, SecretChange, SecretRecord,
};

use crate::setup::{Home, at};

fn settings(name: &str) -> NodeSettings {
    NodeSettings {
        name: name.to_owned(),
        region: "north".to_owned(),
        address: "tcp://10.0.0.1:2376".to_owned(),
        public_host: Some("gpu.example.com".to_owned()),
        pull_via: PullVia::Mirror,
        mirror_url: None,
        hami_core: "/root/HAMi-core/build".to_owned(),
        strict_split: false,
        drained: false,
        ascend_cards: 8,
        ascend_model: "Ascend 910B4".to_owned(),
        ascend_memory_mib: Some(32_768),
        remark: String::new(),
    }
}

fn secret(sealed: &str) -> SecretRecord {
    SecretRecord { sealed: sealed.to_owned(), ends: Some(at(1000)) }
}

async fn new(catalog: &Catalog, settings: NodeSettings, sealed: Option<&str>) -> NewNode {
    let id = catalog.next_node_id().await.unwrap();
    NewNode { id, settings, secret: sealed.map(secret), created_by: "admin".to_owned() }
}

/// A node with this name.
pub async fn added(catalog: &Catalog, name: &str, sealed: Option<&str>) -> NodeRecord {
    let new = new(catalog, settings(name), sealed).await;
    assert!(catalog.add_node(&new, at(1)).await.unwrap());
    catalog.node(new.id).await.unwrap().unwrap()
}

/// An instance on a node, as the database has it.
pub fn instance(id: i64, node: i64, spec: i64) -> String {
    format!(
        "INSERT INTO instance (id, account_id, owner, name, entry_id, spec_id, node_id, image, snapshot, settings, \
         container_name, phase, desired, cpu_milli, memory_mib, created_ms, changed_ms) \
         VALUES ({id}, 1, 'alice', 'i{id}', 1, {spec}, {node}, 'a', '{{}}', '{{}}', 'c{id}', 'running', 'running', 1, 1, 1, 1)"
    )
}

fn check(status: NodeStatus, offers: NodeOffer) -> NodeCheck {
    NodeCheck { status, offers, conditions: "[]".to_owned(), facts: None, cpus: None, memory_mib: None }
}

fn card(uuid: &str, position: u32) -> FoundDevice {
    FoundDevice {
        uuid: uuid.to_owned(),
        position,
        vendor: DeviceVendor::Nvidia,
        model: "NVIDIA A100".to_owned(),
        cdi_name: Some(format!("nvidia.com/gpu={uuid}")),
        memory_mib: Some(81_920),
        used_mib: Some(3),
        state: DeviceState::Healthy,
        detail: None,
    }
}

async fn cards(catalog: &Catalog, node: i64) -> Vec<(String, DeviceState)> {
    let all = catalog.devices_of(&BTreeSet::from([node])).await.unwrap();
    all.into_iter().map(|device| (device.found.uuid, device.found.state)).collect()
}

pub async fn ids_are_never_used_twice(home: &Home) {
    let catalog = home.open().await;
    let first = added(&catalog, "a", None).await.id;
    assert_eq!(catalog.remove_node(first, None).await.unwrap(), NodeRemoval::Done);
    assert_eq!((first, added(&catalog, "a", None).await.id), (1, 2));
    let name = catalog.installation().await.unwrap();
    assert_eq!(home.open().await.installation().await.unwrap(), name);
    assert!(name.len() == 32, "{name}");
}

pub async fn nodes_have_unique_names(home: &Home) {
    let catalog = home.open().await;
    let node = added(&catalog, "gpu-1", None).await;
    assert_eq!(node.settings, settings("gpu-1"));
    assert_eq!((node.status, node.offers), (NodeStatus::Unknown, NodeOffer::Nothing));
    assert_eq!((node.seen, node.checked, node.revision, node.created), (None, None, 1, at(1)));
    let again = new(&catalog, settings("gpu-1"), Some("1.k.x")).await;
    assert!(!catalog.add_node(&again, at(2)).await.unwrap());
    assert_eq!(catalog.node_secret(again.id).await.unwrap(), None, "nothing is left of it");
    assert_eq!(catalog.node_by_name("gpu-1").await.unwrap(), Some(node));
    assert_eq!(catalog.node_by_name("GPU-1").await.unwrap(), None);
}

pub async fn nodes_change_only_as_they_were_seen(home: &Home) {
    let catalog = home.open().await;
    let seen = added(&catalog, "a", None).await;
    added(&catalog, "b", None).await;
    let change = |settings: NodeSettings| {
        let (catalog, seen) = (catalog.clone(), seen.clone());
        async move { catalog.change_node(&seen, &settings, &SecretChange::Keep, at(2)).await.unwrap() }
    };
    assert!(!change(settings("b")).await, "the name is taken");
    let drained = NodeSettings { drained: true, remark: "坏了".to_owned(), ..settings("c") };
    assert!(change(drained.clone()).await);
    assert!(!change(settings("d")).await, "it is not as it was seen");
    let now = catalog.node(seen.id).await.unwrap().unwrap();
    assert_eq!((now.settings, now.revision, now.changed), (drained, 2, at(2)));
}

pub async fn nodes_are_found_by_what_they_are(home: &Home) {
    let catalog = home.open().await;
    for name in ["gpu-b", "gpu-a", "cpu_1"] {
        added(&catalog, name, None).await;
    }
    let south = NodeSettings { region: "south".to_owned(), drained: true, ..settings("gpu-c") };
    let south = new(&catalog, south, None).await;
    assert!(catalog.add_node(&south, at(1)).await.unwrap());
    let names = |filter: NodeFilter, limit: usize| {
        let catalog = catalog.clone();
        async move {
            let page = catalog.nodes(&filter, limit).await.unwrap();
            let names: Vec<_> = page.rows.into_iter().map(|node| node.settings.name).collect();
            (names.join(" "), page.more)
        }
    };
    let none = NodeFilter::default;
    let search = |text: &str| NodeFilter { search: Some(text.to_owned()), ..none() };
    assert_eq!(names(none(), 3).await, ("cpu_1 gpu-a gpu-b".to_owned(), true));
    let after = NodeFilter { after: Some("gpu-b".to_owned()), ..none() };
    assert_eq!(names(after, 3).await, ("gpu-c".to_owned(), false));
    assert_eq!(names(search("GPU"), 9).await.0, "gpu-a gpu-b gpu-c");
    assert_eq!(names(search("_"), 9).await.0, "cpu_1");
    assert_eq!(names(NodeFilter { region: Some("south".to_owned()), ..none() }, 9).await.0, "gpu-c");
    assert_eq!(names(NodeFilter { drained: Some(false), ..none() }, 9).await.0, "cpu_1 gpu-a gpu-b");
    let failed = NodeFilter { status: Some(NodeStatus::Failed), ..none() };
    assert_eq!(names(failed.clone(), 9).await.0, "");
    let node = catalog.node_by_name("gpu-a").await.unwrap().unwrap();
    let is_known = catalog.node_checked(&node, &check(NodeStatus::Failed, NodeOffer::Nothing), at(2)).await;
    assert!(is_known.unwrap());
    assert_eq!(names(failed, 9).await.0, "gpu-a");
}

pub async fn checks_leave_what_people_said(home: &Home) {
    let catalog = home.open().await;
    let node = added(&catalog, "a", None).await;
    let found = NodeCheck {
        facts: Some("{\"engine\":\"docker\"}".to_owned()),
        cpus: Some(64_000),
        memory_mib: Some(515_000),
        ..check(NodeStatus::Connected, NodeOffer::Parts)
    };
    assert!(catalog.node_checked(&node, &found, at(5)).await.unwrap());
    let gone = NodeCheck { conditions: "[1]".to_owned(), ..check(NodeStatus::Unknown, NodeOffer::Nothing) };
    assert!(catalog.node_checked(&node, &gone, at(9)).await.unwrap());
    let now = catalog.node(node.id).await.unwrap().unwrap();
    // What was found before stays known, and people's changes are not in the way of the loop.
    assert_eq!((now.cpus, now.memory_mib, now.facts.contains("docker")), (Some(64_000), Some(515_000), true));
    assert_eq!((now.seen, now.checked, now.revision), (Some(at(5)), Some(at(9)), 1));
    assert_eq!(
        (now.status, now.offers, now.conditions.as_str()),
        (NodeStatus::Unknown, NodeOffer::Nothing, "[1]")
    );
    let moved = NodeSettings { address: "tcp://10.0.0.2:2376".to_owned(), ..settings("a") };
    assert!(catalog.change_node(&now, &moved, &SecretChange::Keep, at(10)).await.unwrap());
    // What was found at the old address says nothing of the new one.
    assert!(!catalog.node_checked(&node, &found, at(11)).await.unwrap());
    assert!(NodeOffer::Nothing < NodeOffer::Containers && NodeOffer::Cards < NodeOffer::Parts);
}

pub async fn nodes_with_something_on_them_stay(home: &Home) {
    let catalog = home.open().await;
    let node = added(&catalog, "a", Some("1.k.a")).await;
    home.meddle(&instance(7, node.id, 1)).await;
    let refused = catalog.remove_node(node.id, None).await.unwrap();
    assert_eq!(refused, NodeRemoval::InUse(vec!["i7".to_owned()]));
    home.meddle("DELETE FROM instance").await;
    home.meddle(&format!(
        "INSERT INTO data_volume (name, node_id, account_id, created_ms) VALUES ('v', {}, 1, 1)",
        node.id
    ))
    .await;
    let refused = catalog.remove_node(node.id, None).await.unwrap();
    assert_eq!(refused, NodeRemoval::HoldsData(vec!["v".to_owned()]));
    home.meddle("DELETE FROM data_volume").await;
    catalog.devices_found(node.id, &[card("GPU-1", 0)], at(2)).await.unwrap();
    assert_eq!(catalog.remove_node(node.id, Some(9)).await.unwrap(), NodeRemoval::Stale);
    assert_eq!(catalog.remove_node(node.id, Some(1)).await.unwrap(), NodeRemoval::Done);
    assert_eq!(catalog.remove_node(node.id, None).await.unwrap(), NodeRemoval::Stale);
    assert_eq!(catalog.devices().await.unwrap(), []);
    assert_eq!(catalog.node_secret(node.id).await.unwrap(), None);
}

pub async fn secrets_of_nodes_are_replaced_in_place(home: &Home) {
    let catalog = home.open().await;
    let node = added(&catalog, "a", Some("1.k.a")).await;
    let other = added(&catalog, "b", None).await;
    assert_eq!(catalog.node_secret(node.id).await.unwrap(), Some(secret("1.k.a")));
    let newer = SecretRecord { sealed: "1.k.b".to_owned(), ends: None };
    let set = SecretChange::Set(newer.clone());
    assert!(catalog.change_node(&node, &node.settings, &set, at(2)).await.unwrap());
    assert!(!catalog.change_node(&node, &node.settings, &SecretChange::Remove, at(3)).await.unwrap());
    let both = BTreeSet::from([node.id, other.id]);
    assert_eq!(catalog.node_secrets(&both).await.unwrap(), [(node.id, newer)]);
    assert_eq!(catalog.node_secrets(&BTreeSet::new()).await.unwrap(), []);
    let now = catalog.node(node.id).await.unwrap().unwrap();
    assert!(catalog.change_node(&now, &now.settings, &SecretChange::Remove, at(3)).await.unwrap());
    assert_eq!(catalog.node_secret(node.id).await.unwrap(), None);
}

pub async fn cards_are_found_again(home: &Home) {
    let catalog = home.open().await;
    let node = added(&catalog, "a", None).await;
    let other = added(&catalog, "b", None).await;
    catalog.devices_found(other.id, &[card("GPU-0", 0)], at(1)).await.unwrap();
    catalog.devices_found(node.id, &[card("GPU-2", 1), card("GPU-1", 0)], at(2)).await.unwrap();
    // It is in another slot now, and cut up.
    let moved = FoundDevice { used_mib: None, state: DeviceState::Mig, ..card("GPU-2", 4) };
    catalog.devices_found(node.id, &[card("GPU-1", 0), moved.clone()], at(3)).await.unwrap();
    let found = catalog.devices_of(&BTreeSet::from([node.id])).await.unwrap();
    assert_eq!((&found[1].found, found[1].seen, found[1].node), (&moved, at(3), node.id));
    let all: Vec<_> = catalog.devices().await.unwrap().into_iter().map(|device| device.found.uuid).collect();
    assert_eq!(all, ["GPU-1", "GPU-2", "GPU-0"]);
    assert_eq!(catalog.devices_of(&BTreeSet::new()).await.unwrap(), []);
}

pub async fn cards_that_are_gone_stay_while_somebody_has_them(home: &Home) {
    let catalog = home.open().await;
    let node = added(&catalog, "a", None).await;
    catalog.devices_found(node.id, &[card("GPU-1", 0), card("GPU-2", 1)], at(2)).await.unwrap();
    home.meddle(&instance(7, node.id, 1)).await;
    home.meddle(&format!(
        "INSERT INTO device_allocation (instance_id, node_id, uuid, position) VALUES (7, {}, 'GPU-1', 0)",
        node.id
    ))
    .await;
    catalog.devices_found(node.id, &[], at(3)).await.unwrap();
    assert_eq!(cards(&catalog, node.id).await, [("GPU-1".to_owned(), DeviceState::Gone)]);
    catalog.devices_found(node.id, &[card("GPU-1", 0)], at(4)).await.unwrap();
    assert_eq!(cards(&catalog, node.id).await, [("GPU-1".to_owned(), DeviceState::Healthy)]);
}

pub async fn quarantine_lasts_until_somebody_ends_it(home: &Home) {
    let catalog = home.open().await;
    let node = added(&catalog, "a", None).await.id;
    catalog.devices_found(node, &[card("GPU-1", 0)], at(2)).await.unwrap();
    let set =
        async |uuid: &str, state, detail| catalog.set_device_state(node, uuid, state, detail).await.unwrap();
    assert!(!set("GPU-9", DeviceState::Quarantined, None).await);
    assert!(set("GPU-1", DeviceState::Quarantined, Some("it hangs")).await);
    catalog.devices_found(node, &[card("GPU-1", 0)], at(3)).await.unwrap();
    let found = catalog.devices_of(&BTreeSet::from([node])).await.unwrap().remove(0).found;
    assert_eq!((found.state, found.detail.as_deref()), (DeviceState::Quarantined, Some("it hangs")));
    assert!(set("GPU-1", DeviceState::Healthy, None).await);
    assert_eq!(cards(&catalog, node).await, [("GPU-1".to_owned(), DeviceState::Healthy)]);
}
