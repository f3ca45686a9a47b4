//! Pulls over the JSON API: through this server with a login of its own, followed, joined, stopped and refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE};
use entrepot_catalog::{NewPull, PullFilter};
use entrepot_library::{LibrarySettings, PullsSettings};
use entrepot_testkit::{
    Gate, TestImage,
    engine::{Dialect, EngineFault, Misbehaviour, PullableImage, Refusal, TestEngine},
};
use serde_json::{Value, json};
use support::{
    account::{AWAY, basic_with},
    library::Yard,
    noise,
};

const IMAGE: &str = "docker.io/library/a:1";

struct Ground {
    yard: Yard,
    engine: TestEngine,
    /// What the engine is asked for.
    name: String,
    /// Bytes of the image.
    size: u64,
}

impl Ground {
    async fn new(dialect: Dialect) -> Self {
        Self::with(dialect, PullsSettings::default()).await
    }

    async fn with(dialect: Dialect, pulls: PullsSettings) -> Self {
        let yard = Yard::with(LibrarySettings { pulls, ..LibrarySettings::default() }).await;
        let engine = TestEngine::start(dialect).await;
        let image = TestImage::layers([noise(1, 3000), noise(2, 5000)]);
        let size = image.blobs().iter().map(|(_, bytes)| bytes.len() as u64).sum();
        yard.rig.upstream.put_image("library/a", "1", &image);
        let mirror = format!("http://{}", yard.rig.address);
        let node =
            json!({"name": "gpu-1", "region": "north", "address": engine.address(), "mirror_url": mirror});
        assert_eq!(yard.ask("operator", "POST", "/library/nodes", node).await.status, 201);
        let name = format!("{}/{IMAGE}", yard.rig.address);
        Self { yard, engine, name, size }
    }

    fn offer(&self, image: PullableImage) {
        self.engine.offer(&self.name, image);
    }

    async fn begin(&self) -> Value {
        let begun =
            self.yard.ask("operator", "POST", "/library/pulls", json!({"image": IMAGE, "node": 1})).await;
        assert_eq!(begun.status, 201, "{}", begun.body);
        begun.body["pulls"][0].clone()
    }

    /// All events of a pull, until its end.
    async fn events(&self, id: &Value) -> Vec<Value> {
        self.events_in("en", id).await
    }

    async fn events_in(&self, language: &str, id: &Value) -> Vec<Value> {
        let authorization = support::account::basic("viewer");
        let headers = [AWAY, ("authorization", &authorization), ("accept-language", language)];
        let path = format!("/api/v1/library/pulls/{id}/events");
        let answer = self.yard.rig.get_with(&path, &headers).await;
        assert_eq!(answer.header("content-type"), Some("text/event-stream"), "{}", answer.text());
        let text = answer.text();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_comes_through_this_server_and_its_size_is_known_at_once() {
    for dialect in Dialect::ALL {
        let ground = Ground::new(dialect).await;
        let gate = Gate::new();
        ground.offer(PullableImage::of_layers(&[3000, 5000]).held_at(&gate));
        let pull = ground.begin().await;
        assert_eq!((&pull["image"], &pull["node"]), (&json!(IMAGE), &json!(1)));
        ground.engine.asked("POST", "images/create", 1).await;
        gate.open();
        let events = ground.events(&pull["id"]).await;
        let end = events.last().unwrap();
        assert_eq!((&end["status"], &end["error"]), (&json!("succeeded"), &Value::Null), "{end}");
        assert_eq!((&end["done"], &end["total"]), (&json!(ground.size), &json!(ground.size)), "{dialect:?}");
        assert!(ground.engine.has_image(&ground.name));
        // What is told later is never less than what was told before.
        let done: Vec<u64> = events.iter().map(|event| event["done"].as_u64().unwrap()).collect();
        assert!(done.is_sorted(), "{done:?}");
    }
}

// Secrets of registries stay here: a node has a login for this image, as long as it pulls.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_pulls_with_a_login_that_ends_with_the_pull() {
    let ground = Ground::new(Dialect::Docker28).await;
    let gate = Gate::new();
    ground.offer(PullableImage::of_layers(&[3000]).held_at(&gate));
    let pull = ground.begin().await;
    let call = ground.engine.asked("POST", "images/create", 1).await.remove(0);
    let (host, name) = ground.name.split_once('/').unwrap();
    assert_eq!((call.value("fromImage"), call.value("tag")), (ground.name.strip_suffix(":1").unwrap(), "1"));
    let header = BASE64_URL_SAFE.decode(call.headers["x-registry-auth"].as_bytes()).unwrap();
    let login: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(login["serveraddress"], host);
    let authorization = basic_with(login["username"].as_str().unwrap(), login["password"].as_str().unwrap());
    let status = async |repository: &str| {
        let path = format!("/v2/{repository}/manifests/1");
        let headers = [AWAY, ("authorization", authorization.as_str())];
        ground.yard.rig.get_with(&path, &headers).await.status.as_u16()
    };
    let repository = name.strip_suffix(":1").unwrap();
    assert_eq!(status(repository).await, 200);
    assert_ne!(status("docker.io/library/other").await, 200, "it is for this image alone");
    let api = [AWAY, ("authorization", authorization.as_str())];
    assert_eq!(ground.yard.rig.get_with("/api/v1/library/nodes", &api).await.status, 401);
    gate.open();
    assert_eq!(ground.events(&pull["id"]).await.last().unwrap()["status"], "succeeded");
    assert_eq!(status(repository).await, 401, "it ended with the pull");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_the_same_joins() {
    let ground = Ground::new(Dialect::Docker20).await;
    let gate = Gate::new();
    ground.offer(PullableImage::of_layers(&[3000]).held_at(&gate));
    let (first, second) = (ground.begin().await, ground.begin().await);
    assert_eq!(first["id"], second["id"]);
    ground.engine.asked("POST", "images/create", 1).await;
    let running =
        ground.yard.ask("viewer", "GET", &format!("/library/pulls/{}", first["id"]), Value::Null).await.body;
    assert!(["resolving", "downloading"].contains(&running["status"].as_str().unwrap()), "{running}");
    gate.open();
    ground.events(&first["id"]).await;
    assert_eq!(ground.engine.calls_of("POST", "images/create").len(), 1);
    let again = ground.begin().await;
    assert_ne!(first["id"], again["id"], "that one had ended");
    ground.events(&again["id"]).await;
    let list = ground.yard.ask("viewer", "GET", "/library/pulls?node=1&n=1", Value::Null).await.body;
    assert_eq!((&list["pulls"][0]["id"], &list["next"]), (&again["id"], &again["id"]), "{list}");
    let older = ground
        .yard
        .ask("viewer", "GET", &format!("/library/pulls?last={}", again["id"]), Value::Null)
        .await
        .body;
    assert_eq!(older["pulls"].as_array().unwrap().len(), 1);
    assert_eq!(
        ground.yard.ask("viewer", "GET", "/library/pulls?status=failed", Value::Null).await.body["pulls"],
        json!([])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_is_stopped() {
    let ground = Ground::new(Dialect::Podman5).await;
    let gate = Gate::new();
    ground.offer(PullableImage::of_layers(&[3000]).held_at(&gate));
    let pull = ground.begin().await;
    let path = format!("/library/pulls/{}/cancel", pull["id"]);
    assert_eq!(ground.yard.ask("operator", "POST", &path, Value::Null).await.status, 204);
    let end = ground.events(&pull["id"]).await.pop().unwrap();
    assert_eq!((&end["status"], end["finished"].is_string()), (&json!("canceled"), true), "{end}");
    let again = ground.yard.ask("operator", "POST", &path, Value::Null).await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!("conflict")), "{}", again.body);
    assert_eq!(
        ground.yard.ask("operator", "POST", "/library/pulls/99/cancel", Value::Null).await.status,
        404
    );
    let actions = ground.yard.actions().await;
    assert_eq!(
        actions[..4],
        ["pull.cancel refused", "pull.cancel refused", "pull.cancel done", "pull.create done"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_classed_in_the_words_of_all_engines() {
    let once = PullsSettings { attempts: 1, ..PullsSettings::default() };
    for dialect in Dialect::ALL {
        let ground = Ground::with(dialect, once.clone()).await;
        for refusal in Refusal::ALL {
            ground.engine.refuse(&ground.name, refusal);
            let pull = ground.begin().await;
            let end = ground.events_in("zh-CN", &pull["id"]).await.pop().unwrap();
            let expected = match refusal {
                Refusal::NotFound => "not-found",
                Refusal::Denied => "denied",
                Refusal::RateLimited => "rate-limited",
                Refusal::Tls => "tls",
                Refusal::DiskFull => "disk-full",
                Refusal::Platform => "platform-mismatch",
                Refusal::Registry => "registry-error",
                Refusal::Network => "network",
            };
            assert_eq!(
                (&end["status"], &end["error"]["code"]),
                (&json!("failed"), &json!(expected)),
                "{dialect:?} {end}"
            );
            let hint = end["error"]["hint"].as_str().unwrap();
            assert!(!hint.is_ascii(), "{hint}");
            assert!(!end["error"]["detail"].as_str().unwrap().is_empty(), "{end}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_pulled_is_known_before_the_node_is_asked() {
    let ground = Ground::new(Dialect::Docker28).await;
    let other = TestImage::index([TestImage::layers([noise(3, 10)]).with_platform("linux/s390x")]);
    ground.yard.rig.upstream.put_image("library/index", "1", &other);
    for (image, code) in
        [("docker.io/library/none:1", "not-found"), ("docker.io/library/index:1", "platform-mismatch")]
    {
        let begun =
            ground.yard.ask("operator", "POST", "/library/pulls", json!({"image": image, "node": 1})).await;
        let end = ground.events(&begun.body["pulls"][0]["id"]).await.pop().unwrap();
        assert_eq!(end["error"]["code"], code, "{end}");
    }
    assert!(ground.engine.calls_of("POST", "images/create").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_is_tried_again() {
    let ground = Ground::new(Dialect::Docker28).await;
    ground.offer(PullableImage::of_layers(&[3000]));
    ground.engine.fault(EngineFault::on("POST", "images/create", Misbehaviour::Hangup));
    let pull = ground.begin().await;
    let end = ground.events(&pull["id"]).await.pop().unwrap();
    assert_eq!((&end["status"], &end["attempt"]), (&json!("succeeded"), &json!(2)), "{end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_a_failure_in_the_end() {
    let stalled_after = Duration::from_secs(5);
    let settings = PullsSettings { attempts: 1, stalled_after, ..PullsSettings::default() };
    let ground = Ground::with(Dialect::Docker28, settings).await;
    ground.offer(PullableImage::of_layers(&[3000]).held_at(&Gate::new()));
    let pull = ground.begin().await;
    let events = ground.events(&pull["id"]).await;
    let end = events.last().unwrap();
    assert_eq!(end["error"]["code"], "stalled", "{end}");
    // It was told again and again meanwhile, as the bar must move.
    assert!(events.len() >= 3, "{}", events.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_away_is_told() {
    let once = PullsSettings { attempts: 1, ..PullsSettings::default() };
    let ground = Ground::with(Dialect::Docker28, once).await;
    ground.engine.stop().await;
    let pull = ground.begin().await;
    assert_eq!(ground.events(&pull["id"]).await.pop().unwrap()["error"]["code"], "unreachable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_pulls_without_its_drained_nodes() {
    let ground = Ground::new(Dialect::Docker28).await;
    ground.offer(PullableImage::of_layers(&[3000]));
    let second = TestEngine::start(Dialect::Podman5).await;
    second.offer(&ground.name, PullableImage::of_layers(&[3000]));
    let mirror = format!("http://{}", ground.yard.rig.address);
    let node = json!({"name": "gpu-2", "region": "north", "address": second.address(), "mirror_url": mirror});
    ground.yard.ask("operator", "POST", "/library/nodes", node).await;
    let ask = async |body: Value| ground.yard.ask("operator", "POST", "/library/pulls", body).await;
    let both = ask(json!({"image": IMAGE, "region": "north"})).await;
    assert_eq!(both.body["pulls"].as_array().unwrap().len(), 2, "{}", both.body);
    for pull in both.body["pulls"].as_array().unwrap() {
        assert_eq!(ground.events(&pull["id"]).await.pop().unwrap()["status"], "succeeded");
    }
    ground.yard.ask("operator", "PATCH", "/library/nodes/2", json!({"drained": true})).await;
    let one = ask(json!({"image": IMAGE, "region": "north"})).await;
    assert_eq!(one.body["pulls"].as_array().unwrap().len(), 1, "{}", one.body);
    let drained = ask(json!({"image": IMAGE, "node": 2})).await;
    assert_eq!((drained.status, &drained.body["code"]), (409, &json!("conflict")), "{}", drained.body);
    for (body, status, field) in [
        (json!({"image": IMAGE, "region": "south"}), 404, json!("region")),
        (json!({"image": IMAGE, "node": 9}), 404, Value::Null),
        (json!({"image": IMAGE}), 400, json!("node")),
        (json!({"image": IMAGE, "node": 1, "region": "north"}), 400, json!("node")),
        (json!({"node": 1}), 400, json!("image")),
        (json!({"image": "UPPER", "node": 1}), 400, json!("image")),
        (json!({"entry": 9, "node": 1}), 404, Value::Null),
        (json!({"image": IMAGE, "node": 1, "privileged": true}), 400, Value::Null),
    ] {
        let answer = ask(body.clone()).await;
        assert_eq!((answer.status, &answer.body["field"]), (status, &field), "{body}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stopped_server_left_is_ended() {
    let ground = Ground::new(Dialect::Docker28).await;
    let new = NewPull { node: 1, reference: IMAGE.to_owned(), entry: None, created_by: "x".to_owned() };
    let (left, _) = ground.yard.catalog.add_pull(&new, std::time::SystemTime::now()).await.unwrap();
    ground.yard.rig.library.as_ref().unwrap().settle_pulls().await.unwrap();
    let end = ground.events(&json!(left.id)).await;
    assert_eq!((end.len(), &end[0]["error"]["code"]), (1, &json!("interrupted")), "{end:?}");
    assert_eq!(ground.yard.catalog.pulls(&PullFilter::default(), 9).await.unwrap().rows.len(), 1);
    ground.offer(PullableImage::of_layers(&[3000]));
    let again = ground.begin().await;
    assert_eq!(ground.events(&again["id"]).await.pop().unwrap()["status"], "succeeded");
}
