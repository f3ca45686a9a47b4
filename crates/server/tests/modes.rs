//! Modes as clients and operators meet them: what is refused and how, what is set by hand, by whom, and for how long.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use entrepot_access::{Access, Role, Rules};
use entrepot_catalog::{AuditFilter, Catalog, Location};
use entrepot_policy::ModesSection;
use entrepot_secrets::Keyring;
use entrepot_server::{Disk, Machine};
use entrepot_testkit::{Bearer, Capabilities, RefusalStyle, TestImage, client::Response, until_answer};
use serde_json::{Value, json};
use support::{
    Rig, Setup, UpstreamAccount,
    account::{AWAY, PASSWORD, basic, by},
    code, noise,
};

/// A server with accounts, and where these are.
struct Yard {
    rig: Rig,
    access: Access,
    _directory: tempfile::TempDir,
}

impl Yard {
    async fn start(section: Value) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
        let access = Access::open(catalog, Keyring::generate(), Rules::default()).await.unwrap();
        let rig = Rig::start_with(Self::setup(&access, section)).await;
        Self { rig, access, _directory: directory }
    }

    async fn restart(self) -> Self {
        let setup = Self::setup(&self.access, json!({}));
        Self { rig: self.rig.restart(setup).await, ..self }
    }

    fn setup(access: &Access, section: Value) -> Setup {
        let section: ModesSection = serde_json::from_value(section).unwrap();
        let modes = section.read().unwrap();
        Setup { modes, access: Some(access.clone()), catalog: true, ..Setup::default() }
    }

    /// Asks as the owner of the server.
    async fn ask(&self, method: &str, body: &str) -> (u16, Value) {
        let (status, told) = self.rig.ask_with(method, "/api/v1/mode", body.to_owned()).await;
        (status, serde_json::from_slice(&told).unwrap())
    }

    async fn set(&self, order: Value) -> (u16, Value) {
        self.ask("PUT", &order.to_string()).await
    }

    async fn mode(&self) -> Value {
        self.ask("GET", "").await.1
    }

    async fn get(&self, path: &str) -> Response {
        self.rig.get(path).await
    }
}

fn message(answer: &Response) -> String {
    answer.json()["errors"][0]["message"].as_str().unwrap().to_owned()
}

fn full(percent: u64) -> Machine {
    Machine { disk: Some(Disk { size: 100 << 30, free: (100 - percent) << 30 }), load: Some(0.5) }
}

// operate.md rows 25, 30: 403 is shown by docker and containerd, makes both fall back, and neither comes back at once.
#[tokio::test(flavor = "multi_thread")]
async fn closed_refuses_everything_below_v2_but_the_check_for_the_api() {
    let yard = Yard::start(json!({})).await;
    let digest = yard.rig.push_blob("local/a", noise(1, 100)).await;
    let (status, told) = yard.set(json!({"mode": "closed", "reason": "we move", "seconds": 7200})).await;
    assert_eq!((status, &told["mode"], &told["cause"]), (200, &json!("closed"), &json!("hand")));
    for (method, path) in [
        ("GET", "/v2/nginx/manifests/1".to_owned()),
        ("HEAD", "/v2/nginx/manifests/1".to_owned()),
        ("GET", format!("/v2/local/a/blobs/{digest}")),
        ("GET", "/v2/local/a/tags/list".to_owned()),
        ("POST", "/v2/local/a/blobs/uploads/".to_owned()),
        ("GET", "/v2/_catalog".to_owned()),
    ] {
        let answer = yard.rig.send(method, &path, &[], "").await;
        assert_eq!(answer.status, 403, "{method} {path}");
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=7200).contains(&wait), "{wait}");
        if method != "HEAD" {
            assert_eq!(code(&answer), "DENIED");
            assert!(message(&answer).contains("closed now, also for"), "{}", message(&answer));
            assert!(message(&answer).contains("(mode closed: we move) until 20"), "{}", message(&answer));
        }
    }
    assert_eq!(yard.get("/v2/").await.status, 200);
    assert_eq!(yard.get("/healthz").await.status, 200);
    assert_eq!(yard.rig.upstream.log().len(), 0);
    let metrics = yard.get("/metrics").await.text();
    for line in [
        r#"entrepot_mode{mode="closed"} 1"#,
        r#"entrepot_mode{mode="normal"} 0"#,
        r#"entrepot_mode_changes_total{mode="closed",by="hand"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    let (status, told) = yard.ask("DELETE", "").await;
    assert_eq!(status, 200, "{told:?}");
    assert_eq!(yard.get(&format!("/v2/local/a/blobs/{digest}")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_holds_less_back_and_gives_it_back_again() {
    let yard = Yard::start(json!({"when": [{"disk": "95%", "mode": "cached-only"}]})).await;
    let (held, other) = (TestImage::layers([noise(2, 1000)]), TestImage::layers([noise(3, 1000)]));
    yard.rig.upstream.put_image("library/held", "1", &held);
    yard.rig.upstream.put_image("library/other", "1", &other);
    assert_eq!(yard.get("/v2/held/manifests/1").await.status, 200);
    assert_eq!(yard.rig.modes.observe(full(94)).await, None);
    let change = yard.rig.modes.observe(full(96)).await.unwrap();
    assert_eq!(change.why, "the disk is 95% full or more");
    let refused = yard.get("/v2/other/manifests/1").await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("retry-after"), None, "nobody knows when");
    assert!(message(&refused).contains("(mode cached-only: the disk is 95% full or more)"));
    assert_eq!(yard.get("/v2/held/manifests/1").await.status, 200);
    let pushed = yard.rig.push_blob("local/a", noise(4, 100)).await;
    assert_eq!(
        yard.get(&format!("/v2/local/a/blobs/{pushed}")).await.status,
        200,
        "hosted names are no matter of it"
    );
    let told = yard.mode().await;
    assert_eq!((&told["cause"], &told["order"]), (&json!("condition"), &Value::Null));
    assert_eq!(
        told["conditions"],
        json!([{"measure": "disk", "limit": "95%", "measured": "96%", "mode": "cached-only", "holds": true}])
    );
    // By hand, it is what the operator says.
    yard.set(json!({"mode": "normal"})).await;
    assert_eq!(yard.get("/v2/other/manifests/1").await.status, 200);
    assert!(yard.get("/metrics").await.text().contains("entrepot_disk_free_bytes 4294967296"));
}

// operate.md row 44: where we have an account, what is public was found out before, and counts without the upstream.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_served_for_ever_also_where_an_account_is_used() {
    let yard = Yard::start(json!({})).await;
    let accounts = vec![UpstreamAccount { user: "robot", password: "canary", namespace: None }];
    let setup = |mode: &str| {
        let modes = serde_json::from_value::<ModesSection>(json!({"mode": mode})).unwrap().read().unwrap();
        let access = Some(yard.access.clone());
        Setup { modes, accounts: accounts.clone(), access, ..Setup::default() }
    };
    let rig = Rig::start_with(setup("normal")).await;
    let image = TestImage::layers([noise(8, 1000)]);
    for name in ["library/open", "library/secret"] {
        rig.upstream.put_image(name, "1", &image);
    }
    rig.upstream.require_bearer(Bearer::new().user("robot", "canary").anonymous(RefusalStyle::EmptyToken));
    rig.upstream.make_private("library/secret");
    let away = [AWAY];
    let status = async |rig: &Rig, name: &str| {
        rig.get_with(&format!("/v2/{name}/manifests/1"), &away).await.status.as_u16()
    };
    assert_eq!((status(&rig, "open").await, status(&rig, "secret").await), (200, 401));
    rig.mirror.tidy().await;
    rig.clock.advance(std::time::Duration::from_secs(400 * 24 * 3600));
    rig.upstream.stop().await;
    let rig = rig.restart(setup("cached-only")).await;
    rig.mirror.tidy().await;
    assert_eq!((status(&rig, "open").await, status(&rig, "secret").await), (200, 401));
    assert_eq!(status(&rig, "never-seen").await, 403, "at once, and no 5xx");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_by_hand_is_in_force_after_a_restart_and_ends_in_time() {
    let yard = Yard::start(json!({})).await;
    yard.set(json!({"mode": "cached-only", "reason": "测试"})).await;
    let yard = yard.restart().await;
    let told = yard.mode().await;
    assert_eq!((&told["mode"], &told["reason"]), (&json!("cached-only"), &json!("测试")));
    assert_eq!(yard.get("/v2/nginx/manifests/1").await.status, 403);
    // One that is over by the time of the restart is not in force again.
    yard.set(json!({"mode": "closed", "seconds": 1})).await;
    until_answer("the mode to end", async || {
        yard.rig.modes.observe(full(1)).await;
        (yard.mode().await["mode"] == "normal").then_some(())
    })
    .await;
    let yard = yard.restart().await;
    assert_eq!(yard.mode().await["order"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_switched_alone() {
    let yard = Yard::start(json!({"tag_lists": false})).await;
    let image = TestImage::layers([noise(5, 100)]);
    yard.rig.upstream.put_image("library/a", "1", &image);
    let refused = yard.get("/v2/a/tags/list").await;
    assert_eq!((refused.status.as_u16(), code(&refused).as_str()), (403, "DENIED"));
    assert_eq!(yard.get("/v2/a/manifests/1").await.status, 200);
    assert_eq!(yard.get("/v2/_catalog").await.status, 200);
    let (_, told) = yard.set(json!({"tag_lists": true, "catalog": false})).await;
    assert_eq!(
        (&told["mode"], &told["tag_lists"], &told["catalog"]),
        (&json!("normal"), &json!(true), &json!(false))
    );
    assert_eq!(yard.get("/v2/a/tags/list").await.status, 200);
    let refused = yard.get("/v2/_catalog").await;
    assert_eq!(refused.status, 403);
    assert!(message(&refused).starts_with("the names of this registry are not listed now; hint: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_its_field_and_changes_nothing() {
    let yard = Yard::start(json!({})).await;
    for (order, field) in [
        (json!({}), "mode"),
        (json!({"reason": "x"}), "mode"),
        (json!({"mode": "closed", "reason": "a\nb"}), "reason"),
        (json!({"mode": "closed", "reason": "x".repeat(201)}), "reason"),
        (json!({"mode": "closed", "seconds": 0}), "seconds"),
        (json!({"mode": "closed", "seconds": 99_999_999}), "seconds"),
    ] {
        let (status, told) = yard.set(order.clone()).await;
        assert_eq!((status, &told["field"]), (400, &json!(field)), "{order}");
    }
    for order in [json!({"mode": "shut"}), json!({"mode": "closed", "for": "2h"})] {
        assert_eq!(yard.set(order).await.0, 400);
    }
    assert_eq!(yard.mode().await["mode"], "normal");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_may_set_it_and_the_audit_log_has_it() {
    let yard = Yard::start(json!({})).await;
    for (account, role) in [("op", Role::Operator), ("user", Role::User)] {
        let name = account.parse().unwrap();
        yard.access.create_account(&name, role, Some(PASSWORD.into()), &by()).await.unwrap();
    }
    let order = json!({"mode": "cached-only", "reason": "night"}).to_string();
    for (account, status) in [("user", 403), ("op", 200)] {
        let login = basic(account);
        let headers = [("authorization", login.as_str()), ("content-type", "application/json")];
        let answer = yard.rig.send("PUT", "/api/v1/mode", &headers, order.clone()).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let away = yard.rig.send("PUT", "/api/v1/mode", &[("host", "x")], order).await;
    assert_eq!(away.status, 401);
    assert_eq!(yard.mode().await["order"]["by"], "account:op");
    let filter = AuditFilter { action: Some("mode.set".to_owned()), ..AuditFilter::default() };
    let audit = yard.access.audit(&filter, 10).await.unwrap();
    let entry = &audit.rows[0].entry;
    assert_eq!((entry.actor.as_str(), entry.detail.as_deref()), ("account:op", Some("cached-only, night")));
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_see_how_it_stands() {
    let notice = Some("We move on **Sunday**.".to_owned());
    let rig = Rig::start_with(Setup { notice, ..Setup::default() }).await;
    let image = TestImage::layers([noise(6, 100)]);
    rig.upstream.capabilities(|abilities| *abilities = Capabilities::docker_hub(51));
    rig.upstream.put_image("library/a", "1", &image);
    let told = rig.get("/api/v1/status").await.json();
    assert_eq!(
        told["upstreams"],
        json!([{"upstream": "docker.io", "standing": "unknown", "budget": null, "links": null}])
    );
    assert_eq!((&told["mode"], &told["notice"]), (&json!("normal"), &json!("We move on **Sunday**.")));
    assert_eq!(rig.get("/v2/a/manifests/1").await.status, 200);
    rig.modes.observe(full(40)).await;
    let told = rig.get("/api/v1/status").await.json();
    assert_eq!(
        told["upstreams"],
        json!([{"upstream": "docker.io", "standing": "up", "budget": 0.5, "links": null}])
    );
    assert_eq!(told["disk"], json!(0.4));
    for (language, parts) in [
        ("en", ["We move on <strong>Sunday</strong>.", "everything", "answers"]),
        ("zh", ["We move on <strong>Sunday</strong>.", "正常", "剩余拉取额度"]),
    ] {
        let page = rig.get(&format!("/status?lang={language}")).await;
        assert_eq!(page.status, 200);
        parts.iter().for_each(|part| assert!(page.text().contains(part), "{part} in {}", page.text()));
    }
    assert!(rig.get("/?lang=en").await.text().contains("We move on <strong>Sunday</strong>."));
    rig.upstream.stop().await;
    for nth in 0..4 {
        assert!(rig.get(&format!("/v2/a/manifests/other{nth}")).await.status.is_server_error());
    }
    let told = rig.get("/api/v1/status").await.json();
    assert_eq!(told["upstreams"][0]["standing"], "down");
    let metrics = rig.get("/metrics").await.text();
    assert!(metrics.contains(r#"entrepot_refusals_total{reason="upstream"} "#), "{metrics}");
}

// operate.md row 72
#[tokio::test(flavor = "multi_thread")]
async fn names_are_in_the_metrics_only_after_they_were_served() {
    let rig = Rig::start().await;
    let image = TestImage::layers([noise(7, 100)]);
    rig.upstream.put_image("library/served", "1", &image);
    // A thread takes note of every eighth.
    for _ in 0..500 {
        assert_eq!(rig.get("/v2/served/manifests/1").await.status, 200);
        assert_eq!(rig.get("/v2/never-there/manifests/1").await.status, 404);
    }
    let metrics = rig.get("/metrics").await.text();
    let pulls = r#"entrepot_top_image_pulls{image="docker.io/library/served"} "#;
    assert!(metrics.contains(pulls) && !metrics.contains("never-there"), "{metrics}");
    assert!(metrics.contains(r#"entrepot_top_client_pulls{client="127.0.0.1"} "#), "{metrics}");
}
