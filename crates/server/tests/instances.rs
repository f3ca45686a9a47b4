//! Instances over the JSON API: whose they are, what is told, and what becomes of what is asked.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::time::Duration;

use entrepot_testkit::engine::TestUsage;
use serde_json::{Value, json};
use support::stock::{INSTANCES, new, reaches, stocked};

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_lives_and_ends() {
    let (yard, engine) = stocked().await;
    let made = yard.ask("user", "POST", INSTANCES, new("a")).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = "/library/instances/1";
    let running = reaches(&yard, path, "running").await;
    assert_eq!(
        (&running["owner"], &running["node"], &running["desired"], &running["split"]),
        (&json!("user"), &json!("n1"), &json!("running"), &json!("none"))
    );
    assert_eq!(
        running["ports"],
        json!([{"container": 8888, "node": 30_000, "address": "gpu.example.com:30000"}])
    );
    assert_eq!(running["environment"], json!(["TOKEN"]), "its value is not told");
    assert!(!running.to_string().contains("hush"));
    engine.print("entrepot-1", 1, "hello\n");
    engine.set_usage("entrepot-1", TestUsage { cpu_ns: 1, memory: 1 << 20, inactive_file: 0 });
    let read = yard.rig_text("user", "/library/instances/1/logs").await;
    assert_eq!(read, "hello\n");
    let usage = yard.ask("user", "GET", "/library/instances/1/stats", Value::Null).await;
    assert_eq!(
        (usage.status, &usage.body["running"], &usage.body["cores"]),
        (200, &json!(true), &Value::Null)
    );

    assert_eq!(yard.ask("user", "POST", "/library/instances/1/stop", Value::Null).await.status, 202);
    reaches(&yard, path, "stopped").await;
    assert_eq!(
        yard.ask("user", "POST", "/library/instances/1/start", json!({"cards": false})).await.status,
        202
    );
    reaches(&yard, path, "running").await;
    let runs = yard.ask("user", "GET", "/library/instances/1/runs", Value::Null).await.body;
    assert_eq!(runs["runs"].as_array().unwrap().len(), 2, "{runs}");
    let unsaid = yard.ask("user", "DELETE", path, Value::Null).await;
    assert_eq!((unsaid.status, &unsaid.body["field"]), (400, &json!("volumes")));
    assert_eq!(yard.ask("user", "DELETE", &format!("{path}?volumes=keep"), Value::Null).await.status, 202);
    while yard.ask("user", "GET", path, Value::Null).await.status != 404 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(engine.containers().is_empty());
    let volumes = yard.ask("user", "GET", "/library/volumes", Value::Null).await.body;
    assert_eq!(
        (&volumes["volumes"][0]["name"], &volumes["volumes"][0]["instance"]),
        (&json!("entrepot-1-data"), &Value::Null)
    );
    assert_eq!(yard.ask("user", "DELETE", "/library/volumes/entrepot-1-data", Value::Null).await.status, 204);
    assert!(engine.volumes().is_empty());
    let actions = yard.actions().await;
    assert_eq!(
        actions,
        [
            "volume.remove done",
            "instance.remove done",
            "instance.start done",
            "instance.stop done",
            "instance.create done"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_instance_does_not_exist() {
    let (yard, _engine) = stocked().await;
    assert_eq!(yard.ask("admin", "POST", INSTANCES, new("a")).await.status, 201);
    for (method, path) in [
        ("GET", "/library/instances/1"),
        ("PATCH", "/library/instances/1"),
        ("DELETE", "/library/instances/1?volumes=remove"),
        ("POST", "/library/instances/1/start"),
        ("POST", "/library/instances/1/stop"),
        ("POST", "/library/instances/1/restart"),
        ("GET", "/library/instances/1/runs"),
        ("GET", "/library/instances/1/logs"),
        ("GET", "/library/instances/1/stats"),
        ("GET", "/library/instances/1/exec"),
    ] {
        let body = if matches!(method, "PATCH" | "POST") { json!({}) } else { Value::Null };
        let refused = yard.ask("user", method, path, body.clone()).await;
        assert_eq!(refused.status, 404, "{method} {path}: {}", refused.body);
        let same = yard.ask("user", method, &path.replace("/1", "/99"), body).await;
        assert_eq!(
            refused.body["detail"].as_str().unwrap().replace("`1`", "`99`"),
            same.body["detail"].as_str().unwrap(),
            "nothing tells one from the other"
        );
    }
    let seen = async |user, path: &str| {
        let list = yard.ask(user, "GET", path, Value::Null).await.body;
        list["instances"].as_array().unwrap().len()
    };
    assert_eq!(seen("user", INSTANCES).await, 0);
    assert_eq!(seen("user", "/library/instances?all=true").await, 0);
    assert_eq!(seen("operator", INSTANCES).await, 0, "one's own");
    assert_eq!(seen("operator", "/library/instances?all=true").await, 1);
    assert_eq!(yard.ask("operator", "GET", "/library/instances/1", Value::Null).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_which_field_and_why_in_both_languages() {
    let (yard, engine) = stocked().await;
    let wrong = json!({
        "name": "a b", "entry": 1, "spec": 1, "ports": [1, 1], "environment": {"LD_PRELOAD": "x"}, "data": "/etc"
    });
    let refused = yard.ask("user", "POST", INSTANCES, wrong.clone()).await;
    let fields = |body: &Value| {
        let errors = body["errors"].as_array().unwrap().iter();
        errors.map(|error| error["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(refused.status, 400);
    assert_eq!(fields(&refused.body), ["name", "ports", "data", "environment"], "{}", refused.body);
    let chinese = yard.ask_in_chinese("user", "POST", INSTANCES, wrong).await;
    assert!(chinese.body["detail"].as_str().unwrap().contains("`LD_PRELOAD` 由系统设置"), "{}", chinese.body);

    for (body, status, field) in [
        (json!({"entry": 9, "spec": 1}), 404, Value::Null),
        (json!({"entry": 1, "spec": 9}), 404, Value::Null),
        (json!({"entry": 0, "spec": 1}), 400, json!("entry")),
        (json!({"entry": 1, "spec": 1, "volume": "x"}), 409, json!("volume")),
        (json!({"entry": 1, "spec": 1, "region": "north"}), 409, Value::Null),
        (json!({"entry": 1, "spec": 1, "privileged": true}), 400, Value::Null),
        (json!({"entry": 1, "spec": 1, "devices": ["/dev/mem"]}), 400, Value::Null),
    ] {
        let refused = yard.ask("user", "POST", INSTANCES, body.clone()).await;
        assert_eq!((refused.status, &refused.body["field"]), (status, &field), "{body}: {}", refused.body);
    }
    assert!(engine.containers().is_empty() && engine.volumes().is_empty());
    assert_eq!(yard.ask("viewer", "POST", INSTANCES, new("a")).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_counts_for_what_was_seen() {
    let (yard, _engine) = stocked().await;
    yard.ask("user", "POST", INSTANCES, new("a")).await;
    let path = "/library/instances/1";
    reaches(&yard, path, "running").await;
    let seen = yard.ask("user", "GET", path, Value::Null).await.tag.unwrap();
    let changed = yard
        .ask_if(
            "user",
            &format!("PATCH {path}"),
            &seen,
            json!({"name": "b", "stop_at": "2100-01-01T00:00:00Z"}),
        )
        .await;
    assert_eq!((changed.status, &changed.body["name"]), (200, &json!("b")), "{}", changed.body);
    assert_eq!(changed.body["stop_at"], "2100-01-01T00:00:00Z");
    let late = yard.ask_if("user", &format!("PATCH {path}"), &seen, json!({"name": "c"})).await;
    assert_eq!((late.status, &late.body["code"]), (412, &json!("stale")));
    let never = yard.ask("user", "PATCH", path, json!({"stop_at": null})).await;
    assert_eq!(never.body["stop_at"], Value::Null);
    let past = yard.ask("user", "PATCH", path, json!({"release_at": "2000-01-01T00:00:00Z"})).await;
    assert_eq!((past.status, &past.body["field"]), (400, &json!("release_at")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_set_told_and_kept() {
    let (yard, _engine) = stocked().await;
    let path = "/library/quotas/user";
    assert_eq!(yard.ask("user", "PUT", path, json!({"instances": 9})).await.status, 403);
    assert_eq!(yard.ask("operator", "PUT", path, json!({"instances": 1})).await.status, 204);
    yard.ask("user", "POST", INSTANCES, new("a")).await;
    let refused = yard.ask("user", "POST", INSTANCES, new("b")).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body["detail"].as_str().unwrap().contains("1 instances of 1"), "{}", refused.body);
    let told = yard.ask("user", "GET", path, Value::Null).await.body;
    assert_eq!((&told["limits"]["instances"], &told["instances"]), (&json!(1), &json!(1)));
    assert_eq!(yard.ask("user", "GET", "/library/quotas/admin", Value::Null).await.status, 403);
    assert_eq!(yard.ask("operator", "DELETE", path, Value::Null).await.status, 204);
    assert_eq!(yard.ask("user", "POST", INSTANCES, new("b")).await.status, 201);
    let free = yard.ask("viewer", "GET", "/library/free", Value::Null).await.body;
    assert_eq!(
        (&free["specs"][0]["spec"]["name"], &free["specs"][0]["instances"]),
        (&json!("small"), &json!(2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_image_keeps_what_is_told() {
    let (yard, engine) = stocked().await;
    yard.ask("user", "POST", INSTANCES, new("a")).await;
    let path = "/library/instances/1";
    let running = reaches(&yard, path, "running").await;
    assert_eq!(
        running["keeps"],
        json!({"stop": ["disk", "data", "ports"], "reimage": ["data", "ports"], "release": ["data"]})
    );
    let image = format!("{path}/image");
    for (body, status, field) in [
        (json!({"entry": 9}), 404, Value::Null),
        (json!({"entry": 0}), 400, json!("entry")),
        (json!({"entry": 1, "privileged": true}), 400, Value::Null),
    ] {
        let refused = yard.ask("user", "POST", &image, body.clone()).await;
        assert_eq!((refused.status, &refused.body["field"]), (status, &field), "{body}: {}", refused.body);
    }
    assert_eq!(
        yard.ask("admin", "POST", "/library/instances/99/image", json!({"entry": 1})).await.status,
        404
    );
    assert_eq!(yard.ask("user", "POST", &image, json!({"entry": 1})).await.status, 202);
    assert_eq!(engine.containers(), [("entrepot-1".to_owned(), "running")], "it has that image");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_saved_where_its_owner_may_push() {
    let (yard, engine) = stocked().await;
    yard.ask("user", "POST", INSTANCES, new("a")).await;
    reaches(&yard, "/library/instances/1", "running").await;
    let commit = async |user: &str, image: &str| {
        yard.ask(user, "POST", "/library/instances/1/commit", json!({"image": image})).await
    };
    let elsewhere = commit("admin", "docker.io/library/a:1").await;
    assert_eq!((elsewhere.status, &elsewhere.body["field"]), (400, &json!("image")), "{}", elsewhere.body);
    let refused = commit("user", "local/a:1").await;
    assert_eq!((refused.status, &refused.body["field"]), (403, &json!("image")), "{}", refused.body);
    // Nobody knows here where the node reaches this server.
    let nowhere = commit("admin", "a:1").await;
    assert_eq!(nowhere.status, 502);
    let told = nowhere.body["detail"].as_str().unwrap();
    assert!(told.contains("it is not known where the node reaches this server"), "{told}");
    assert!(engine.calls_of("POST", "commit").is_empty());
}
