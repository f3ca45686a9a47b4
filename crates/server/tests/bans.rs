//! Bans, refusals by their ids, denials and who pulled what, by the JSON API.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::time::Duration;

use entrepot_access::{Access, NetworkSettings, Networks, Role, Rules};
use entrepot_catalog::{AuditFilter, Catalog, Location};
use entrepot_policy::{BanRule, LimitsSection, PullLimits};
use entrepot_secrets::Keyring;
use entrepot_server::{LimitsInForce, RulesInForce};
use entrepot_testkit::{TestImage, client::Response, until_answer};
use serde_json::{Value, json};
use support::{
    Rig, Setup,
    account::{AWAY, PASSWORD, basic, by, name},
    code, noise,
};

struct Desk {
    rig: Rig,
    access: Access,
    catalog: Catalog,
    limits: LimitsInForce,
    rules: RulesInForce,
    _directory: tempfile::TempDir,
}

impl Desk {
    async fn open(change: impl FnOnce(&mut LimitsSection)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
        let rules = Rules { anonymous: "pull".parse().unwrap(), anonymous_sees: true, ..Rules::default() };
        let access = Access::open(catalog.clone(), Keyring::generate(), rules).await.unwrap();
        for (account, role) in [("ops", Role::Operator), ("alice", Role::User), ("mallory", Role::User)] {
            access.create_account(&name(account), role, Some(PASSWORD.into()), &by()).await.unwrap();
        }
        let mut section = LimitsSection::default();
        change(&mut section);
        let limits = LimitsInForce::new(PullLimits::of(&section));
        limits.remember_bans(catalog.clone()).await.unwrap();
        let rules = RulesInForce::default();
        rules.remember(catalog.clone()).await.unwrap();
        let networks =
            NetworkSettings { trusted_proxies: Networks::loopback(), ..NetworkSettings::default() };
        let setup = Setup {
            limits: limits.clone(),
            rules: rules.clone(),
            access: Some(access.clone()),
            networks,
            ..Setup::default()
        };
        let rig = Rig::start_with(setup).await;
        rig.upstream.put_image("library/a", "1", &TestImage::layers([noise(1, 1000)]));
        Self { rig, access, catalog, limits, rules, _directory: directory }
    }

    async fn send(&self, who: &str, (method, path): (&str, &str), body: &Value) -> Response {
        let login = basic(who);
        let headers = [AWAY, ("authorization", login.as_str()), ("content-type", "application/json")];
        self.rig.send(method, path, &headers, body.to_string()).await
    }

    async fn pull(&self, from: &str, who: Option<&str>) -> Response {
        let login = who.map(basic);
        let login = login.iter().map(|login| ("authorization", login.as_str()));
        let headers: Vec<_> = login.chain([AWAY, ("x-forwarded-for", from)]).collect();
        self.rig.get_with("/v2/library/a/manifests/1", &headers).await
    }
}

// operate.md rows 20, 21, 24
#[tokio::test(flavor = "multi_thread")]
async fn bans_are_made_listed_and_lifted() {
    let desk = Desk::open(|_| ()).await;
    let path = "/api/v1/limits/bans";
    for (body, field) in [
        (json!({"subject": "everybody", "reason": "x"}), "subject"),
        (json!({"subject": "0.0.0.0/0", "reason": "x"}), "subject"),
        (json!({"subject": "203.0.113.7", "reason": " "}), "reason"),
        (json!({"subject": "203.0.113.7", "reason": "a\nb"}), "reason"),
        (json!({"subject": "203.0.113.7", "reason": "x", "seconds": 0}), "seconds"),
    ] {
        let refused = desk.send("ops", ("POST", path), &body).await;
        assert_eq!((refused.status.as_u16(), refused.json()["field"].as_str()), (400, Some(field)), "{body}");
    }
    let body = json!({"subject": "203.0.113.9/24", "reason": "the same layer 3,000 times", "seconds": 3600});
    assert_eq!(desk.send("alice", ("POST", path), &body).await.status, 403);
    let made = desk.send("ops", ("POST", path), &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.json()["by"], "account:ops");
    let refused = desk.pull("203.0.113.77", None).await;
    assert_eq!((refused.status.as_u16(), code(&refused).as_str()), (403, "DENIED"));
    assert!(refused.text().contains("the same layer 3,000 times") && refused.text().contains(&id));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((3000..=3601).contains(&wait), "{wait}");
    assert_eq!(desk.pull("203.0.113.77", Some("alice")).await.status, 200, "who logs in is somebody else");
    assert_eq!(desk.pull("203.0.112.77", None).await.status, 200);
    let body = json!({"subject": "account:mallory", "reason": "ask us"});
    assert_eq!(desk.send("ops", ("POST", path), &body).await.status, 201);
    assert_eq!(desk.pull("198.51.100.1", Some("mallory")).await.status, 403);
    let listed = desk.send("ops", ("GET", path), &Value::Null).await.json();
    let cidrs: Vec<_> = listed["bans"].as_array().unwrap().iter().map(|ban| ban["cidr"].as_str()).collect();
    assert_eq!(cidrs, [None, Some("203.0.113.0/24")]);
    let told =
        desk.rig.get_with("/api/v1/limits/me", &[AWAY, ("x-forwarded-for", "203.0.113.1")]).await.json();
    assert_eq!(
        (told["client"].as_str(), told["ban"]["id"].as_str()),
        (Some("203.0.113.1"), Some(id.as_str()))
    );
    // Another server on the same catalog knows of them.
    let other = LimitsInForce::default();
    other.remember_bans(desk.catalog.clone()).await.unwrap();
    let lift = format!("{path}/{id}");
    assert_eq!(desk.send("ops", ("DELETE", &lift), &Value::Null).await.status, 204);
    assert_eq!(desk.send("ops", ("DELETE", &lift), &Value::Null).await.status, 404);
    assert_eq!(desk.pull("203.0.113.77", None).await.status, 200);
    let audit = desk.access.audit(&AuditFilter::default(), 50).await.unwrap().rows;
    let actions: Vec<_> = audit.iter().map(|entry| entry.entry.action.as_str()).collect();
    for action in ["ban.add", "ban.lift"] {
        assert!(actions.contains(&action), "{action} in {actions:?}");
    }
}

// What answers before there is a repository refuses them as well; `/v2/` still says that this is a registry.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_banned_gets_no_token_and_no_list() {
    let desk = Desk::open(|_| ()).await;
    let body = json!({"subject": "203.0.113.7", "reason": "ask us"});
    assert_eq!(desk.send("ops", ("POST", "/api/v1/limits/bans"), &body).await.status, 201);
    let ask = async |path: &str, from: &str, who: Option<&str>| {
        let login = who.map(basic);
        let login = login.iter().map(|login| ("authorization", login.as_str()));
        let headers: Vec<_> = login.chain([AWAY, ("x-forwarded-for", from)]).collect();
        desk.rig.get_with(path, &headers).await
    };
    for path in ["/token?service=x&scope=repository:library/a:pull", "/v2/_catalog"] {
        let refused = ask(path, "203.0.113.7", None).await;
        assert_eq!((refused.status.as_u16(), code(&refused).as_str()), (403, "DENIED"), "{path}");
        assert!(refused.text().contains("ask us"), "{path}: {}", refused.text());
        assert_ne!(ask(path, "203.0.113.8", None).await.status, 403, "{path}");
        let logged_in = ask(path, "203.0.113.7", Some("alice")).await;
        assert_ne!(logged_in.status, 403, "{path}: who logs in is somebody else");
    }
    assert_ne!(ask("/v2/", "203.0.113.7", None).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn bans_by_the_limits_are_in_the_audit_log() {
    let desk = Desk::open(|section| {
        section.per_client.manifests = "1/h".parse().ok();
        section.bans = Some(BanRule { after: 1, ..BanRule::default() });
    })
    .await;
    assert_eq!(desk.pull("203.0.113.7", None).await.status, 200);
    assert_eq!(desk.pull("203.0.113.7", None).await.status, 429);
    let banned = until_answer("the ban in the audit log", async || {
        let audit = desk.access.audit(&AuditFilter::default(), 50).await.unwrap().rows;
        audit.into_iter().find(|row| row.entry.action == "ban.add")
    });
    let entry = banned.await.entry;
    assert_eq!((entry.actor.as_str(), entry.object.as_str()), ("limits", "203.0.113.7"));
    assert_eq!(desk.pull("203.0.113.7", None).await.status, 403);
}

// operate.md rows 20, 21
#[tokio::test(flavor = "multi_thread")]
async fn anybody_sees_how_they_stand_and_a_refusal_is_explained_by_its_id() {
    let desk = Desk::open(|section| {
        section.per_client.manifests = "2/h".parse().ok();
        section.per_client.hot = "1MiB/d".parse().ok();
        section.per_client.blobs = Some(3);
    })
    .await;
    assert_eq!(desk.pull("203.0.113.7", None).await.status, 200);
    let me = async |from: &str| {
        desk.rig.get_with("/api/v1/limits/me", &[AWAY, ("x-forwarded-for", from)]).await.json()
    };
    let told = me("203.0.113.7").await;
    assert_eq!((told["client"].as_str(), told["limited"].as_bool()), (Some("203.0.113.7"), Some(true)));
    let left = |told: &Value, key: &str| {
        let limits = told["limits"].as_array().unwrap();
        limits.iter().find(|limit| limit["name"] == key).unwrap()["left"].as_u64().unwrap()
    };
    assert_eq!(left(&told, "per_client.manifests"), 1);
    assert_eq!((left(&told, "per_client.hot"), left(&told, "per_client.blobs")), (1 << 20, 3));
    assert_eq!(me("2001:db8::7").await["client"], "2001:db8::/64");
    assert_eq!(desk.pull("203.0.113.7", None).await.status, 200);
    let refused = desk.pull("203.0.113.7", None).await;
    assert_eq!(refused.status, 429);
    let message = refused.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    let (_, id) = message.trim_end_matches(')').rsplit_once("(refusal ").unwrap();
    let path = format!("/api/v1/limits/explain/{id}");
    let told = desk.send("ops", ("GET", &path), &Value::Null).await.json();
    assert_eq!(told["refusal"]["client"], "203.0.113.7");
    assert_eq!(
        (&told["refusal"]["limit"], &told["refusal"]["count"]),
        (&json!("client_manifests"), &json!(1))
    );
    assert_eq!(desk.send("alice", ("GET", &path), &Value::Null).await.status, 403);
    let unknown = desk.send("ops", ("GET", "/api/v1/limits/explain/zzzzzzzz"), &Value::Null).await;
    assert_eq!(unknown.status, 404);
    let limits = desk.send("ops", ("GET", "/api/v1/limits"), &Value::Null).await.json();
    assert_eq!(limits["limits"][0], json!({"name": "per_client.manifests", "allowed": "2/h"}));
    // Other limits count without a restart.
    let mut section = LimitsSection::default();
    section.per_client.manifests = "3/h".parse().ok();
    desk.limits.take(PullLimits::of(&section));
    assert_eq!(desk.pull("203.0.113.7", None).await.status, 200);
}

// operate.md rows 9, 10
#[tokio::test(flavor = "multi_thread")]
async fn one_request_denies_removes_and_says_who_pulled_it() {
    let desk = Desk::open(|_| ()).await;
    desk.rules.record_pulls_for(Some(Duration::from_secs(24 * 3600)));
    assert_eq!(desk.pull("203.0.113.7", None).await.status, 200);
    assert_eq!(desk.pull("203.0.113.7", Some("alice")).await.status, 200);
    let path = "/api/v1/pull-rules/denials";
    let body = json!({"image": "library/a", "reason": "it mines", "notice": "https://example.com/1", "legal": true,
        "purge": true, "pulled_by_days": 30});
    assert_eq!(desk.send("alice", ("POST", path), &body).await.status, 403);
    for (wrong, field) in [
        (json!({"image": "no spaces please"}), "image"),
        (json!({"image": "library/a", "reason": "a\nb"}), "reason"),
        (json!({"image": "library/a:1.*", "purge": true}), "purge"),
        (json!({"image": "library/a", "pulled_by_days": 0}), "days"),
        (json!({"image": "local/a"}), "image"),
    ] {
        let refused = desk.send("ops", ("POST", path), &wrong).await;
        assert_eq!(
            (refused.status.as_u16(), refused.json()["field"].as_str()),
            (400, Some(field)),
            "{wrong}"
        );
    }
    assert_eq!(desk.pull("203.0.113.8", None).await.status, 200, "nothing was denied by mistake");
    let told = desk.send("ops", ("POST", path), &body).await;
    assert_eq!(told.status, 201, "{}", told.text());
    let told = told.json();
    assert_eq!(told["denial"]["image"], "docker.io/library/a");
    assert!(told["removed"]["manifests"].as_u64().unwrap() > 0, "{told}");
    let clients: Vec<_> = told["pulled_by"]["pulls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pull| pull["client"].as_str().unwrap())
        .collect();
    assert_eq!(clients, ["203.0.113.7", "203.0.113.8", "account:alice"]);
    let refused = desk.pull("203.0.113.7", None).await;
    assert_eq!(refused.status, 451);
    assert!(
        refused.text().contains(
            "is denied by `docker.io/library/a` of `entrepot rules deny`: it mines (https://example.com/1)"
        ),
        "{}",
        refused.text()
    );
    denials_last_and_are_taken_back(&desk, path).await;
}

async fn denials_last_and_are_taken_back(desk: &Desk, path: &str) {
    let other = RulesInForce::default();
    other.remember(desk.catalog.clone()).await.unwrap();
    let listed = desk.send("ops", ("GET", path), &Value::Null).await.json();
    assert_eq!(listed["denials"][0]["by"], "account:ops");
    let lists = desk.send("ops", ("GET", "/api/v1/pull-rules"), &Value::Null).await.json();
    assert_eq!(lists["lists"][0]["name"], "entrepot rules deny");
    let undo = format!("{path}?image=library/a");
    assert_eq!(desk.send("ops", ("DELETE", &undo), &Value::Null).await.status, 204);
    assert_eq!(desk.send("ops", ("DELETE", &undo), &Value::Null).await.status, 404);
    assert_eq!(desk.pull("203.0.113.7", None).await.status, 200);
    let asked = desk.send(
        "ops",
        ("GET", "/api/v1/pull-rules/pulled-by?image=docker.io/library/a&days=7"),
        &Value::Null,
    );
    let asked = asked.await.json();
    assert_eq!(
        (&asked["repository"], &asked["recorded_for"]),
        (&json!("docker.io/library/a"), &json!(86400))
    );
    assert_eq!(asked["pulls"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_is_denied_and_removed_whole() {
    let desk = Desk::open(|_| ()).await;
    desk.rig.upstream.put_image("acme/web", "1", &TestImage::layers([noise(2, 1000)]));
    let get = async |path: &str| desk.rig.get_with(path, &[AWAY]).await.status.as_u16();
    assert_eq!((get("/v2/acme/web/manifests/1").await, get("/v2/library/a/manifests/1").await), (200, 200));
    let body = json!({"image": "docker.io/acme/**", "purge": true});
    let told = desk.send("ops", ("POST", "/api/v1/pull-rules/denials"), &body).await;
    assert_eq!(told.status, 201, "{}", told.text());
    assert_eq!(told.json()["removed"]["manifests"], 1);
    assert_eq!((get("/v2/acme/web/manifests/1").await, get("/v2/library/a/manifests/1").await), (403, 200));
}
