//! What instances stand on: a node with an engine in process, an entry and a spec.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{
    EntryFields, EntrySave, NewNode, NodeCheck, NodeOffer, NodeSettings, NodeStatus, PullVia, SpecFields,
    SpecVendor,
};
use entrepot_testkit::engine::{Dialect, PullableImage, TestEngine};
use serde_json::{Value, json};

use super::library::Yard;

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// Where instances are.
pub(crate) const INSTANCES: &str = "/library/instances";

/// A server, a node with an engine in process, an entry and a spec.
pub(crate) async fn stocked() -> (Yard, TestEngine) {
    stocked_with(entrepot_library::LibrarySettings::default()).await
}

/// The same with other settings.
pub(crate) async fn stocked_with(settings: entrepot_library::LibrarySettings) -> (Yard, TestEngine) {
    let yard = Yard::with(settings).await;
    let engine = TestEngine::start(Dialect::Docker28).await;
    engine.offer(&format!("quay.io/acme/torch@{DIGEST}"), PullableImage::of_layers(&[10]));
    let (catalog, now) = (&yard.catalog, SystemTime::now());
    let entry = EntryFields {
        name: "torch".to_owned(),
        address: "quay.io/acme/torch:2.4".to_owned(),
        host: "quay.io".to_owned(),
        repository: "acme/torch".to_owned(),
        tag: None,
        digest: Some(DIGEST.to_owned()),
        credential: None,
        description: String::new(),
        source: String::new(),
        remark: String::new(),
        is_on_shelf: true,
        memory_split: false,
    };
    catalog.save_entries(&[EntrySave { of: None, fields: entry }], "owner", now).await.unwrap().unwrap();
    let spec = SpecFields {
        name: "small".to_owned(),
        vendor: SpecVendor::None,
        gpu_model: None,
        gpu_count: 0,
        gpu_memory_mib: None,
        memory_split: false,
        core_percent: None,
        vnpu_template: None,
        cpu_milli: 1000,
        memory_mib: 1024,
        system_disk_gib: None,
        data_disk_gib: None,
        shm_mib: None,
        price: 10_000,
        start_seconds: None,
        on_shelf: true,
        remark: String::new(),
    };
    catalog.add_spec(&spec, "owner", now).await.unwrap().unwrap();
    add_node(&yard, &engine.address()).await;
    (yard, engine)
}

/// Adds a node, which was looked at.
pub(crate) async fn add_node(yard: &Yard, address: &str) {
    let (catalog, now) = (&yard.catalog, SystemTime::now());
    let settings = NodeSettings {
        name: "n1".to_owned(),
        region: String::new(),
        address: address.to_owned(),
        public_host: Some("gpu.example.com".to_owned()),
        pull_via: PullVia::Direct,
        mirror_url: None,
        hami_core: "/root/HAMi-core/build".to_owned(),
        strict_split: false,
        drained: false,
        ascend_cards: 0,
        ascend_model: String::new(),
        ascend_memory_mib: None,
        remark: String::new(),
    };
    let id = catalog.next_node_id().await.unwrap();
    let new = NewNode { id, settings, secret: None, created_by: "owner".to_owned() };
    assert!(catalog.add_node(&new, now).await.unwrap());
    let check = NodeCheck {
        status: NodeStatus::Connected,
        offers: NodeOffer::Containers,
        conditions: "[]".to_owned(),
        facts: None,
        cpus: Some(4000),
        memory_mib: Some(8192),
    };
    let node = catalog.node(id).await.unwrap().unwrap();
    assert!(catalog.node_checked(&node, &check, now).await.unwrap());
}

/// What is asked for.
pub(crate) fn new(name: &str) -> Value {
    json!({"name": name, "entry": 1, "spec": 1, "environment": {"TOKEN": "hush"}, "ports": [8888]})
}

/// Waits until an instance is in this phase.
pub(crate) async fn reaches(yard: &Yard, path: &str, phase: &str) -> Value {
    for _ in 0..3_000 {
        let found = yard.ask("user", "GET", path, Value::Null).await.body;
        if found["phase"] == phase {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is never {phase}: {}", yard.ask("user", "GET", path, Value::Null).await.body);
}
