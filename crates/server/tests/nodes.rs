//! Nodes over the JSON API, with engines that answer, refuse and are away.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use entrepot_access::Role;
use entrepot_library::{CheckDepth, LibrarySettings, NodesSettings};
use entrepot_testkit::engine::{
    Dialect, EngineFault, Misbehaviour, PullableImage, TestCertificates, TestEngine,
};
use serde_json::{Value, json};
use support::library::{Answer, Yard};

const NODES: &str = "/library/nodes";

async fn added(yard: &Yard, engine: &TestEngine) -> Answer {
    let body = json!({"name": "gpu-1", "region": "north", "address": engine.address()});
    let answer = yard.ask("operator", "POST", NODES, body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer
}

async fn node(yard: &Yard) -> Value {
    yard.ask("viewer", "GET", "/library/nodes/1", Value::Null).await.body
}

fn codes(node: &Value) -> Vec<&str> {
    node["conditions"].as_array().unwrap().iter().map(|found| found["code"].as_str().unwrap()).collect()
}

fn tls(certificates: &TestCertificates) -> Value {
    json!({"ca": certificates.authority, "certificate": certificates.certificate, "key": certificates.key})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_looked_at_when_it_is_added_whatever_its_engine() {
    for dialect in Dialect::ALL {
        let (yard, engine) = (Yard::new().await, TestEngine::start(dialect).await);
        let node = added(&yard, &engine).await;
        assert_eq!(node.tag.as_deref(), Some("\"1\""));
        let node = node.body;
        let product = if dialect.is_podman() { "Podman" } else { "Docker" };
        assert_eq!((&node["status"], &node["facts"]["product"]), (&json!("connected"), &json!(product)));
        assert_eq!(node["facts"]["release"], dialect.release());
        assert_eq!((&node["cpu_milli"], &node["memory_mib"]), (&json!(8000), &json!(65_536)));
        assert_eq!(
            (&node["offers"], &node["has_tls"], &node["devices"]),
            (&json!("parts"), &json!(false), &json!([]))
        );
        let disk = if dialect.is_podman() { json!(100_u64 << 30) } else { Value::Null };
        assert_eq!(node["facts"]["disk_total"], disk, "{dialect:?}");
        // Row 42: never promised where it is not kept.
        assert_eq!(codes(&node), ["no-disk-quota"], "{dialect:?}");
    }
}

// Rows 33 and 26: away is unknown, and what was known stays known.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_away_keeps_what_is_known_of_it() {
    let (yard, engine) = (Yard::new().await, std::sync::Arc::new(TestEngine::start(Dialect::Docker28).await));
    let _printing = prints(&engine, "");
    engine.set_info("DiscoveredDevices", json!([{"Source": "cdi", "ID": "nvidia.com/gpu=GPU-aaaa"}]));
    engine.put_image("registry.example/any:1", PullableImage::of_layers(&[10]));
    let cards = added(&yard, &engine).await.body["devices"].clone();
    assert_eq!((&cards[0]["uuid"], &cards[0]["state"]), (&json!("GPU-aaaa"), &json!("healthy")));
    engine.stop().await;
    let checked = yard.ask("operator", "POST", "/library/nodes/1/check", Value::Null).await;
    assert_eq!((checked.status, &checked.body["status"]), (200, &json!("unknown")), "{}", checked.body);
    assert_eq!((codes(&checked.body), &checked.body["offers"]), (vec!["unreachable"], &json!("nothing")));
    assert_eq!((&checked.body["devices"], &checked.body["cpu_milli"]), (&cards, &json!(8000)));
    assert_eq!(checked.body["facts"]["product"], "Docker");
    let chinese = yard.ask_in_chinese("viewer", "GET", "/library/nodes/1", Value::Null).await.body;
    assert!(chinese["conditions"][0]["text"].as_str().unwrap().starts_with("节点没有应答"), "{chinese}");
    engine.restart();
    yard.rig.library.as_ref().unwrap().check_all(CheckDepth::Answer).await.unwrap();
    let back = node(&yard).await;
    assert_eq!(
        (&back["status"], &back["revision"]),
        (&json!("connected"), &json!(1)),
        "checks are no changes"
    );
}

// A container of a look prints this, and ends.
fn prints(engine: &std::sync::Arc<TestEngine>, report: &'static str) -> tokio::task::JoinHandle<()> {
    let engine = std::sync::Arc::clone(engine);
    tokio::spawn(async move {
        loop {
            for (name, _) in engine.containers().into_iter().filter(|(_, state)| *state == "running") {
                engine.print(&name, 1, report);
                engine.end(&name, 0);
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
}

const REPORT: &str = "
Driver Version                            : 575.51.03
CUDA Version                              : 12.9
GPU 00000000:3B:00.0
    Product Name                          : NVIDIA A100-SXM4-80GB
    MIG Mode
        Current                           : Disabled
    GPU UUID                              : GPU-aaaa
    FB Memory Usage
        Total                             : 81920 MiB
        Used                              : 7 MiB
    Compute Mode                          : Default
";

// A first look where nobody knows a name, and one that shows why nothing new starts (row 24).
#[tokio::test(flavor = "multi_thread")]
async fn cards_are_looked_at_with_an_image_of_the_node() {
    for dialect in Dialect::ALL {
        let (yard, engine) = (Yard::new().await, std::sync::Arc::new(TestEngine::start(dialect).await));
        engine.set_info("Runtimes", json!({"runc": {}, "nvidia": {}}));
        engine.put_image("registry.example/any:1", PullableImage::of_layers(&[10]));
        let printing = prints(&engine, REPORT);
        let node = added(&yard, &engine).await.body;
        printing.abort();
        let card = &node["devices"][0];
        assert_eq!(
            (&card["uuid"], &card["memory_mib"], &card["used_mib"]),
            (&json!("GPU-aaaa"), &json!(81_920), &json!(7))
        );
        assert_eq!(
            (&node["facts"]["driver"], &node["facts"]["cuda"]),
            (&json!("575.51.03"), &json!("12.9")),
            "{dialect:?}"
        );
        assert!(codes(&node).contains(&"driver-unproven"), "{node}");
        let path = if dialect.is_podman() { "libpod/containers/create" } else { "containers/create" };
        let asked = engine.calls_of("POST", path).remove(0).body;
        let (devices, labels) = if dialect.is_podman() {
            assert_eq!(asked["devices"], json!([{"path": "nvidia.com/gpu=all"}]));
            (&asked["devices"], &asked["labels"])
        } else {
            assert_eq!(asked["HostConfig"]["DeviceRequests"][0]["Count"], -1);
            (&asked["HostConfig"]["DeviceRequests"], &asked["Labels"])
        };
        assert_eq!(
            (devices.as_array().unwrap().len(), &labels["io.entrepot.purpose"]),
            (1, &json!("survey"))
        );
        let printing = prints(&engine, "Failed to initialize NVML: Driver/library version mismatch");
        let node = yard.ask("operator", "POST", "/library/nodes/1/check", Value::Null).await.body;
        printing.abort();
        assert_eq!(
            (codes(&node).contains(&"driver-updated"), &node["offers"]),
            (true, &json!("containers")),
            "{node}"
        );
        assert_eq!(node["devices"][0]["uuid"], "GPU-aaaa", "a look that shows nothing hides nothing");
        assert_eq!(engine.containers(), [], "nothing is left of a look");
        // It is still known at a look that is not a whole one.
        yard.rig.library.as_ref().unwrap().check_all(CheckDepth::Answer).await.unwrap();
        let node = yard.ask("viewer", "GET", "/library/nodes/1", Value::Null).await.body;
        assert!(codes(&node).contains(&"driver-updated"), "{node}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loop_finds_what_changes() {
    let nodes =
        NodesSettings { check_every: std::time::Duration::from_millis(20), ..NodesSettings::default() };
    let (yard, engine) = (
        Yard::with(LibrarySettings { nodes, ..LibrarySettings::default() }).await,
        TestEngine::start(Dialect::Podman5).await,
    );
    added(&yard, &engine).await;
    let library = yard.rig.library.clone().unwrap();
    let watching = tokio::spawn({
        let stop = yard.rig.stop.clone();
        async move { library.watch_nodes(stop).await }
    });
    let until = async |status: &str| {
        for _ in 0..500 {
            if node(&yard).await["status"] == status {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("the node is never {status}");
    };
    engine.stop().await;
    until("unknown").await;
    engine.restart();
    until("connected").await;
    yard.rig.stop.cancel();
    watching.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_cannot_be_used_says_why() {
    let (yard, engine) = (Yard::new().await, TestEngine::start(Dialect::Docker20).await);
    let old = r#"{"Version":"19.03.15","ApiVersion":"1.40","MinAPIVersion":"1.12","Os":"linux","Arch":"amd64","Components":[]}"#;
    engine.fault(EngineFault::on("GET", "version", Misbehaviour::Body(old.into())));
    let node = added(&yard, &engine).await.body;
    assert_eq!((&node["status"], codes(&node)), (&json!("failed"), vec!["too-old"]), "{node}");
    assert!(node["conditions"][0]["detail"].as_str().unwrap().contains("19.03.15"), "{node}");
    engine.fault(EngineFault::on("GET", "info", Misbehaviour::Body("<html>".into())));
    let node = yard.ask("operator", "POST", "/library/nodes/1/check", Value::Null).await.body;
    assert_eq!(codes(&node), ["not-usable"], "{node}");
}

// HAMi-core, and rows 25 and 31.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_offers_only_what_it_can_keep() {
    let (yard, engine) = (Yard::new().await, std::sync::Arc::new(TestEngine::start(Dialect::Docker28).await));
    let _printing = prints(&engine, "");
    let check = async || yard.ask("operator", "POST", "/library/nodes/1/check", Value::Null).await.body;
    engine.set_info("DiscoveredDevices", json!([{"Source": "cdi", "ID": "nvidia.com/gpu=all"}]));
    let node = added(&yard, &engine).await.body;
    assert!(codes(&node).contains(&"cards-without-names"), "never all: {node}");
    assert_eq!((&node["offers"], &node["devices"]), (&json!("containers"), &json!([])));
    engine.set_info("DiscoveredDevices", json!([{"Source": "cdi", "ID": "nvidia.com/gpu=GPU-aaaa"}]));
    let node = check().await;
    assert!(codes(&node).contains(&"hami-unknown"), "there is no image to look with: {node}");
    engine.put_image("registry.example/any:1", PullableImage::of_layers(&[10]));
    engine.lose_path("/root/HAMi-core/build");
    let node = check().await;
    assert_eq!((codes(&node).contains(&"hami-missing"), &node["offers"]), (true, &json!("cards")), "{node}");
    assert_eq!(engine.containers(), [], "nothing is left of a look");
    let moved =
        yard.ask("operator", "PATCH", "/library/nodes/1", json!({"hami_core": "/opt/hami"})).await.body;
    assert_eq!(moved["offers"], "parts", "{moved}");
    let ascend = json!({"ascend": {"cards": 2, "model": "Ascend 910B4", "memory_mib": 32_768}});
    let node = yard.ask("operator", "PATCH", "/library/nodes/1", ascend).await.body;
    assert!(codes(&node).contains(&"ascend-runtime-missing"), "{node}");
    engine.set_info("Runtimes", json!({"runc": {}, "ascend": {}}));
    let node = check().await;
    let uuids: Vec<&str> =
        node["devices"].as_array().unwrap().iter().map(|card| card["uuid"].as_str().unwrap()).collect();
    assert_eq!(uuids, ["GPU-aaaa", "ascend-0", "ascend-1"], "{node}");
}

// Row 60.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_sealed_and_replaced_in_place() {
    let (yard, first) = (Yard::new().await, TestCertificates::new());
    let engine = TestEngine::start_with_tls(Dialect::Docker28, &first).await;
    let body = json!({"name": "gpu-1", "address": engine.address(), "tls": tls(&first)});
    let node = yard.ask("operator", "POST", NODES, body).await;
    assert_eq!((node.status, &node.body["status"]), (201, &json!("connected")), "{}", node.body);
    assert!(node.body["has_tls"] == true && node.body["certificate_ends"].is_string(), "{}", node.body);
    let shown = node.body.to_string();
    assert!(!shown.contains("BEGIN") && !shown.contains(&first.key), "certificates are never shown");
    let other = TestCertificates::new();
    let changed = yard.ask("operator", "PATCH", "/library/nodes/1", json!({"tls": tls(&other)})).await;
    assert_eq!((changed.status, codes(&changed.body)[0]), (200, "tls"), "{}", changed.body);
    assert_eq!(changed.body["status"], "failed");
    let changed = yard.ask("operator", "PATCH", "/library/nodes/1", json!({"tls": tls(&first)})).await;
    assert_eq!(
        (&changed.body["id"], &changed.body["status"]),
        (&json!(1), &json!("connected")),
        "{}",
        changed.body
    );
    // What stays is still what it was sealed as.
    let drained = yard.ask("operator", "PATCH", "/library/nodes/1", json!({"drained": true})).await;
    assert_eq!((&drained.body["offers"], &drained.body["has_tls"]), (&json!("nothing"), &json!(true)));
    assert_eq!(
        yard.ask("operator", "POST", "/library/nodes/1/check", Value::Null).await.body["status"],
        "connected"
    );
    let database = yard.catalog.node_secret(1).await.unwrap().unwrap().sealed;
    assert!(!database.contains("BEGIN") && !database.contains(&first.key), "{database}");
    // A loopback engine may be reached without, which this one does not take.
    let without = yard.ask("operator", "PATCH", "/library/nodes/1", json!({"tls": null})).await;
    assert_eq!(
        (&without.body["has_tls"], &without.body["status"]),
        (&json!(false), &json!("unknown")),
        "{}",
        without.body
    );
    assert_eq!(yard.catalog.node_secret(1).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_faults_are_told_at_once_and_nothing_is_left() {
    let yard = Yard::new().await;
    let pem = "-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----\n";
    let wrong = json!({
        "name": "7", "address": "tcp://10.0.0.1", "region": "a\nb", "hami_core": "build", "mirror_url": "x",
        "tls": {"ca": pem, "certificate": pem, "key": "canary"}
    });
    let told = yard.ask("operator", "POST", NODES, wrong.clone()).await;
    let fields = |body: &Value| {
        let all = body["errors"].as_array().unwrap().iter();
        all.map(|error| error["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!((told.status, fields(&told.body).as_str()), (400, "name region mirror_url hami_core tls.key"));
    assert!(!told.body.to_string().contains("canary"), "{}", told.body);
    let chinese = yard.ask_in_chinese("operator", "POST", NODES, wrong).await.body;
    assert_eq!(chinese["errors"][4]["detail"], "客户端私钥不是可读的 PEM；不支持带口令的私钥");
    let remote = json!({"name": "a", "address": "tcp://10.0.0.1"});
    let told = yard.ask("operator", "POST", NODES, remote).await;
    assert_eq!((told.status, fields(&told.body).as_str()), (400, "tls"));
    assert_eq!(
        yard.ask("operator", "POST", NODES, json!({"name": "a", "address": "ssh://x"})).await.body["field"],
        "address"
    );
    assert_eq!(yard.ask("viewer", "GET", NODES, Value::Null).await.body["nodes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_found_changed_and_removed() {
    let (yard, engine) = (Yard::new().await, TestEngine::start(Dialect::Docker20).await);
    added(&yard, &engine).await;
    let body = json!({"name": "gpu-1", "address": engine.address()});
    let again = yard.ask("operator", "POST", NODES, body).await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!("exists")));
    for (query, found) in
        [("region=north", 1), ("region=south", 0), ("status=connected&drained=false", 1), ("search=GPU", 1)]
    {
        let list = yard.ask("viewer", "GET", &format!("{NODES}?{query}"), Value::Null).await.body;
        assert_eq!(list["nodes"].as_array().unwrap().len(), found, "{query}");
    }
    let late = yard.ask_if("operator", "PATCH /library/nodes/1", "\"9\"", json!({"remark": "x"})).await;
    assert_eq!((late.status, &late.body["code"]), (412, &json!("stale")));
    let released = yard.ask("operator", "POST", "/library/nodes/1/devices/GPU-x/release", Value::Null).await;
    assert_eq!(released.status, 404, "it is not quarantined");
    assert_eq!(yard.ask("operator", "DELETE", "/library/nodes/1", Value::Null).await.status, 204);
    for path in ["/library/nodes/1", "/library/nodes/x", "/library/nodes/0"] {
        assert_eq!(yard.ask("viewer", "GET", path, Value::Null).await.status, 404, "{path}");
    }
    let actions = yard.actions().await;
    assert_eq!(
        actions,
        [
            "node.remove done",
            "node.release refused",
            "node.change refused",
            "node.create refused",
            "node.create done"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_operators_and_admins_manage_nodes() {
    let yard = Yard::new().await;
    for role in Role::ALL {
        let manages = role >= Role::Operator;
        let requests = [
            ("POST", NODES),
            ("PATCH", "/library/nodes/1"),
            ("DELETE", "/library/nodes/1"),
            ("POST", "/library/nodes/1/check"),
            ("POST", "/library/nodes/1/devices/x/release"),
            ("POST", "/library/pulls"),
            ("POST", "/library/pulls/1/cancel"),
        ];
        for (method, path) in requests {
            let status = yard.ask(role.as_str(), method, path, json!({})).await.status;
            assert_eq!(status != 403, manages, "{role} {method} {path}: {status}");
        }
        for path in
            [NODES, "/library/nodes/1", "/library/pulls", "/library/pulls/1", "/library/pulls/1/events"]
        {
            let status = yard.ask(role.as_str(), "GET", path, Value::Null).await.status;
            assert_eq!(status != 403, role != Role::User, "{role} {path}: {status}");
        }
    }
}
