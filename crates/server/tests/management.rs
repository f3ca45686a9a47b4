//! Accounts, tokens, grants and the audit log by the JSON API, and what is told of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::time::{Duration, SystemTime};

use entrepot_access::{Access, ApiToken, Grant, NewToken, Role, Rules};
use entrepot_catalog::{AuditFilter, AuditOutcome, Catalog, Location};
use entrepot_secrets::Keyring;
use entrepot_testkit::{TestImage, client::Response};
use serde_json::{Value, json};
use support::{
    Rig, Setup,
    account::{AWAY, PASSWORD, basic_with, by},
    content::{IMAGE, image},
    noise,
};

struct Desk {
    rig: Rig,
    access: Access,
    _directory: tempfile::TempDir,
}

/// Somebody with the right password.
struct Caller<'a> {
    rig: &'a Rig,
    sent: String,
}

impl Caller<'_> {
    async fn send(&self, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> Response {
        let mut headers = vec![AWAY, ("authorization", self.sent.as_str())];
        headers.extend_from_slice(more);
        self.rig.send(method, path, &headers, body.to_owned()).await
    }
}

impl Desk {
    async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let grant = Grant {
            to: "account:alice".parse().unwrap(),
            repositories: vec!["local/app/**".parse().unwrap()],
            may: "pull,push,delete".parse().unwrap(),
        };
        let rules = Rules {
            anonymous: "pull".parse().unwrap(),
            anonymous_sees: true,
            local: "pull,push".parse().unwrap(),
            grants: vec![grant],
            private: vec!["local/secret/**".parse().unwrap()],
            ..Rules::default()
        };
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
        let access = Access::open(catalog, Keyring::generate(), rules).await.unwrap();
        for (name, role) in
            [("root", Role::Admin), ("op", Role::Operator), ("alice", Role::User), ("bob", Role::User)]
        {
            let password = Some(PASSWORD.into());
            access.create_account(&name.parse().unwrap(), role, password, &by()).await.unwrap();
        }
        let rig = Rig::start_with(Setup { access: Some(access.clone()), ..Setup::default() }).await;
        rig.upstream.put_image("library/a", "1", &TestImage::layers([noise(1, 100)]));
        Self { rig, access, _directory: directory }
    }

    fn of(&self, who: &str) -> Caller<'_> {
        Caller { rig: &self.rig, sent: basic_with(who, PASSWORD) }
    }

    async fn get(&self, who: &str, path: &str) -> Value {
        let answer = self.of(who).send("GET", path, &[], "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    async fn reader(&self) -> ApiToken {
        let new = NewToken {
            account: "alice".parse().unwrap(),
            name: "reader".to_owned(),
            scopes: "pull:local/app/**".parse().unwrap(),
            expires: None,
        };
        self.access.create_token(&new, &by()).await.unwrap()
    }

    async fn audited(&self, filter: AuditFilter) -> Vec<(String, String, String, AuditOutcome)> {
        let rows = self.access.audit(&filter, 100).await.unwrap().rows.into_iter();
        rows.map(|row| (row.entry.actor, row.entry.action, row.entry.object, row.entry.outcome)).collect()
    }
}

fn action(action: &str) -> AuditFilter {
    AuditFilter { action: Some(action.to_owned()), ..AuditFilter::default() }
}

/// Who sends what, and the status, code and field that come of it.
type Problem = (&'static str, &'static str, &'static str, &'static str, u16, &'static str, &'static str);

const PROBLEMS: [Problem; 17] = [
    ("root", "POST", "/api/v1/accounts", r#"{"name": "A b", "role": "user"}"#, 400, "bad-field", "name"),
    ("root", "POST", "/api/v1/accounts", r#"{"name": "bob", "role": "user"}"#, 409, "exists", ""),
    ("root", "POST", "/api/v1/accounts", "{", 400, "bad-request", ""),
    ("root", "DELETE", "/api/v1/accounts/nobody", "", 404, "not-found", ""),
    ("root", "DELETE", "/api/v1/accounts/root", "", 409, "conflict", ""),
    ("root", "GET", "/api/v1/accounts?role=king", "", 400, "bad-field", "role"),
    ("root", "GET", "/api/v1/accounts?sort=age", "", 400, "bad-field", "sort"),
    ("root", "GET", "/api/v1/accounts?n=0", "", 400, "bad-field", "n"),
    ("root", "GET", "/api/v1/audit?since=yesterday", "", 400, "bad-field", "since"),
    (
        "root",
        "POST",
        "/api/v1/tokens",
        r#"{"account": "bob", "name": "x", "scopes": ["all"]}"#,
        400,
        "bad-field",
        "scopes",
    ),
    (
        "root",
        "POST",
        "/api/v1/grants",
        r#"{"to": "bob", "repositories": ["a"], "may": ["pull"]}"#,
        400,
        "bad-field",
        "to",
    ),
    (
        "root",
        "POST",
        "/api/v1/grants",
        r#"{"to": "role:user", "repositories": [], "may": ["pull"]}"#,
        400,
        "bad-field",
        "repositories",
    ),
    ("root", "DELETE", "/api/v1/grants/config.0", "", 409, "conflict", ""),
    (
        "root",
        "GET",
        "/api/v1/access/explain?principal=bob&action=pull&repository=a",
        "",
        400,
        "bad-field",
        "principal",
    ),
    ("bob", "GET", "/api/v1/accounts", "", 403, "forbidden", ""),
    ("root", "GET", "/api/v1/nothing", "", 404, "not-found", ""),
    ("root", "PUT", "/api/v1/me", "", 405, "method-not-allowed", ""),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_has_a_code_a_field_and_a_hint_in_the_language_of_the_client() {
    let desk = Desk::open().await;
    let new = r#"{"name": "dave", "role": "user", "password": "short"}"#;
    let answer = desk.of("root").send("POST", "/api/v1/accounts", &[], new).await;
    assert_eq!(answer.header("content-language"), Some("en"));
    let problem = answer.json();
    assert_eq!(
        (&problem["status"], &problem["code"], &problem["field"]),
        (&json!(400), &json!("bad-field"), &json!("password"))
    );
    assert_eq!(problem["detail"], "a password has at least 8 characters");
    let chinese = ("accept-language", "zh-CN,zh;q=0.9,en;q=0.8");
    let answer = desk.of("root").send("POST", "/api/v1/accounts", &[chinese], new).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-language")), (400, Some("zh")));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = answer.json();
    assert_eq!(
        (&problem["code"], &problem["title"], &problem["detail"]),
        (&json!("bad-field"), &json!("字段有误"), &json!("密码至少 8 个字符"))
    );

    for (who, method, path, body, status, code, field) in PROBLEMS {
        for language in ["en", "zh"] {
            let answer = desk.of(who).send(method, path, &[("accept-language", language)], body).await;
            let problem = answer.json();
            let told = (
                answer.status.as_u16(),
                problem["code"].as_str().unwrap(),
                problem["field"].as_str().unwrap_or_default(),
            );
            assert_eq!(told, (status, code, field), "{who} {method} {path}: {problem}");
            let has_chinese = problem["detail"]
                .as_str()
                .unwrap()
                .chars()
                .any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter));
            assert_eq!(has_chinese, language == "zh", "{path}: {problem}");
        }
    }
    let wrong =
        desk.rig.get_with("/api/v1/me", &[AWAY, ("authorization", &basic_with("bob", "wrong"))]).await;
    assert_eq!(wrong.status, 200, "everybody may ask who they are");
    let wrong =
        desk.rig.get_with("/api/v1/accounts", &[AWAY, ("authorization", &basic_with("bob", "wrong"))]).await;
    assert_eq!((wrong.status.as_u16(), wrong.json()["code"].clone()), (401, json!("login-refused")));
    let none = desk.rig.get_with("/api/v1/accounts", &[AWAY]).await;
    assert_eq!((none.status.as_u16(), none.json()["code"].clone()), (401, json!("login-required")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_meant_for_another_state_is_not_made() {
    let desk = Desk::open().await;
    let path = "/api/v1/accounts/bob";
    let answer = desk.of("root").send("GET", path, &[], "").await;
    let tag = answer.header("etag").unwrap().to_owned();
    assert_eq!(tag, format!("\"{}\"", answer.json()["revision"]));
    let change = r#"{"role": "viewer"}"#;
    let seen = [("if-match", tag.as_str())];
    assert_eq!(desk.of("root").send("PATCH", path, &seen, change).await.status, 204);
    let stale = desk.of("root").send("PATCH", path, &seen, r#"{"role": "admin"}"#).await;
    assert_eq!((stale.status.as_u16(), stale.json()["code"].clone()), (412, json!("stale")));
    assert_eq!(desk.of("root").send("DELETE", path, &seen, "").await.status, 412);
    assert_eq!(desk.get("root", path).await["role"], "viewer");
    assert_eq!(desk.of("root").send("PATCH", path, &[], change).await.status, 204, "not required");
    assert_eq!(desk.of("root").send("DELETE", path, &[("if-match", "*")], "").await.status, 204);
    assert_eq!(desk.of("root").send("GET", path, &[], "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_have_filters_an_order_and_a_cursor() {
    let desk = Desk::open().await;
    let names = async |query: &str| -> Vec<String> {
        let list = desk.get("root", &format!("/api/v1/accounts{query}")).await;
        list["accounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|account| account["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("").await, ["alice", "bob", "op", "root"]);
    assert_eq!(names("?sort=-name").await, ["root", "op", "bob", "alice"]);
    assert_eq!(names("?role=user").await, ["alice", "bob"]);
    assert_eq!(names("?search=o&kind=local&disabled=false").await, ["bob", "op", "root"]);
    assert_eq!(names("?kind=robot").await, Vec::<String>::new());
    let (mut paged, mut query) = (Vec::new(), "?n=3&sort=-created".to_owned());
    loop {
        let list = desk.get("root", &format!("/api/v1/accounts{query}")).await;
        paged.extend(list["accounts"].as_array().unwrap().iter().map(|account| account["name"].clone()));
        let Some(next) = list["next"].as_str() else { break };
        query = format!("?n=3&sort=-created&last={next}");
    }
    assert_eq!(paged.len(), 4);

    let day = Duration::from_secs(24 * 60 * 60);
    for (name, days) in [("late", 30), ("soon", 3), ("sooner", 1)] {
        let new = NewToken {
            account: "alice".parse().unwrap(),
            name: name.to_owned(),
            scopes: "pull:**".parse().unwrap(),
            expires: Some(SystemTime::now() + day * days),
        };
        desk.access.create_token(&new, &by()).await.unwrap();
    }
    let until = entrepot_api::Timestamp::from(SystemTime::now() + 7 * day);
    let list = desk.get("alice", &format!("/api/v1/tokens?ends_before={until}&n=1")).await;
    assert_eq!((&list["tokens"][0]["name"], list["more"].as_bool()), (&json!("sooner"), Some(true)));
    let next = list["next"].as_str().unwrap();
    let list = desk.get("alice", &format!("/api/v1/tokens?ends_before={until}&n=1&last={next}")).await;
    assert_eq!((&list["tokens"][0]["name"], list["more"].as_bool()), (&json!("soon"), Some(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_by_api_counts_at_once_and_ends_at_once() {
    let desk = Desk::open().await;
    let start = "/v2/local/shared/x/blobs/uploads/";
    assert_eq!(desk.of("bob").send("POST", start, &[], "").await.status, 401);
    let new = r#"{"to": "account:bob", "repositories": ["local/shared/**"], "may": ["pull", "push"]}"#;
    let added = desk.of("root").send("POST", "/api/v1/grants", &[], new).await;
    assert_eq!(added.status, 201, "{}", added.text());
    let grant = added.json();
    assert_eq!((&grant["origin"], &grant["created_by"]), (&json!("api"), &json!("account:root")));
    assert_eq!(desk.of("bob").send("POST", start, &[], "").await.status, 202);
    let list = desk.get("root", "/api/v1/grants").await;
    let told: Vec<_> = list["grants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|grant| (grant["id"].clone(), grant["origin"].clone()))
        .collect();
    assert_eq!(told, [(json!("config.0"), json!("configuration")), (grant["id"].clone(), json!("api"))]);
    let of_bob = desk.get("root", "/api/v1/grants?to=account:bob&repository=local/shared/x").await;
    assert_eq!(of_bob["grants"].as_array().unwrap().len(), 1);
    let path = format!("/api/v1/grants/{}", grant["id"].as_str().unwrap());
    assert_eq!(desk.of("bob").send("DELETE", &path, &[], "").await.status, 403);
    assert_eq!(desk.of("root").send("DELETE", &path, &[], "").await.status, 204);
    assert_eq!(desk.of("bob").send("POST", start, &[], "").await.status, 401);
    assert_eq!(desk.of("root").send("DELETE", &path, &[], "").await.status, 404);
    // Whoever gets the name of an account that is gone does not get what was granted to it.
    assert_eq!(desk.of("root").send("POST", "/api/v1/grants", &[], new).await.status, 201);
    assert_eq!(desk.of("root").send("DELETE", "/api/v1/accounts/bob", &[], "").await.status, 204);
    let again = format!(r#"{{"name": "bob", "role": "user", "password": "{PASSWORD}"}}"#);
    assert_eq!(desk.of("root").send("POST", "/api/v1/accounts", &[], &again).await.status, 201);
    assert_eq!(desk.of("bob").send("POST", start, &[], "").await.status, 401);
}

/// Who asks to do what to which repository, whether they may, and why.
const RIGHTS: [(&str, &str, &str, bool, &str); 10] = [
    ("anonymous", "pull", "library/a", true, "anonymous"),
    ("anonymous", "push", "local/app/x", false, "not-granted"),
    ("anonymous", "pull", "local/secret/x", false, "not-granted"),
    ("local", "push", "local/secret/x", true, "local"),
    ("account:root", "delete", "local/secret/x", true, "role"),
    ("account:alice", "push", "local/app/x", true, "grant"),
    ("account:alice", "push", "local/other", false, "not-granted"),
    ("account:op", "pull", "local/secret/x", true, "role"),
    ("token:reader", "pull", "local/app/x", true, "role"),
    ("group:ml", "push", "local/app/x", false, "not-granted"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_right_is_explained_by_what_decides_about_it() {
    let desk = Desk::open().await;
    let token = desk.reader().await;
    let token_login = basic_with("x", token.expose());
    let by_id = format!("token:{}", token.id());
    let of_token = (by_id.as_str(), "push", "local/app/x", false, "not-carried");
    for (who, action, repository, allowed, reason) in RIGHTS.into_iter().chain([of_token]) {
        let path = format!("/api/v1/access/explain?principal={who}&action={action}&repository={repository}");
        let told = desk.get("op", &path).await;
        assert_eq!(
            (&told["allowed"], &told["reason"]),
            (&json!(allowed), &json!(reason)),
            "{who} {action} {repository}: {told}"
        );
        assert_eq!(told["hint"].is_null(), allowed, "a refusal says what would have to change: {told}");
        // The request itself says the same.
        let sent = match who {
            "anonymous" => None,
            _ if who.starts_with("token:") => Some(token_login.clone()),
            _ => who.strip_prefix("account:").map(|name| basic_with(name, PASSWORD)),
        };
        if who == "local" || who.starts_with("group:") {
            continue;
        }
        let mut headers = vec![AWAY];
        headers.extend(sent.as_deref().map(|value| ("authorization", value)));
        let (method, rest) = match action {
            "pull" => ("GET", "manifests/1"),
            "push" => ("POST", "blobs/uploads/"),
            _ => ("DELETE", "manifests/1"),
        };
        let answer = desk.rig.send(method, &format!("/v2/{repository}/{rest}"), &headers, "").await;
        assert_eq!(answer.status != 401, allowed, "{who} {action} {repository}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_names_the_grant_and_is_for_operators() {
    let desk = Desk::open().await;
    desk.reader().await;
    let explain = |query: &str| format!("/api/v1/access/explain?{query}");
    let alice = explain("principal=account:alice&action=push&repository=local/app/x");
    let told = desk.get("op", &alice).await;
    assert_eq!((&told["grant"]["id"], &told["repository"]), (&json!("config.0"), &json!("local/app/x")));
    let anonymous = explain("principal=anonymous&action=pull&repository=nginx");
    assert_eq!(desk.get("op", &anonymous).await["repository"], "docker.io/library/nginx");
    assert_eq!(desk.of("bob").send("GET", &anonymous, &[], "").await.status, 403);
    let nobody = explain("principal=account:nobody&action=pull&repository=a");
    assert_eq!(desk.of("root").send("GET", &nobody, &[], "").await.status, 404);
    desk.of("root").send("PATCH", "/api/v1/accounts/alice", &[], r#"{"disabled": true}"#).await;
    let reader = explain("principal=token:reader&action=pull&repository=local/app/x");
    assert_eq!(desk.get("op", &reader).await["reason"], "disabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins_are_in_the_audit_with_the_name_tried_and_credentials_for_others_are_not() {
    let desk = Desk::open().await;
    let wrong = basic_with("alice", "hunter2-hunter2");
    let headers = [AWAY, ("authorization", wrong.as_str()), ("x-request-id", "one")];
    for _ in 0..3 {
        assert_eq!(desk.rig.send("GET", "/v2/", &headers, "").await.status, 401);
    }
    let form = "grant_type=password&service=m.test&username=mallory&password=hunter3-hunter3";
    let typed = [AWAY, ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(desk.rig.send("POST", "/token", &typed, form).await.status, 401);
    assert_eq!(
        desk.rig
            .send("GET", "/api/v1/accounts", &[AWAY, ("authorization", &basic_with("eve", "x"))], "")
            .await
            .status,
        401
    );
    // A cluster's password for docker.io, at a public image: that is no login here.
    let foreign = basic_with("hub-user", "hub-password");
    let pull = desk.rig.get_with("/v2/library/a/manifests/1", &[AWAY, ("authorization", &foreign)]).await;
    assert_eq!(pull.status, 200);
    let rows = desk.access.audit(&action("login"), 10).await.unwrap().rows;
    let told: Vec<_> = rows.iter().rev().map(|row| (row.entry.object.as_str(), row.entry.outcome)).collect();
    let refused = AuditOutcome::Refused;
    assert_eq!(told, [("alice", refused), ("mallory", refused), ("eve", refused)], "each once a minute");
    let first = &rows[2].entry;
    assert_eq!((first.address.as_deref(), first.request_id.as_deref()), (Some("127.0.0.1"), Some("one")));
    assert_eq!(first.actor, "anonymous");
    let text = format!("{rows:?}");
    assert!(!text.contains("hunter"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_deletions_and_refused_attempts_are_in_the_audit_and_pulls_are_not() {
    let desk = Desk::open().await;
    let (layer, config) = (noise(1, 50), "{}");
    for blob in [layer.to_vec(), config.into()] {
        let digest = entrepot_oci::Digest::of(&blob);
        let path = format!("/v2/local/app/x/blobs/uploads/?digest={digest}");
        let sent = basic_with("alice", PASSWORD);
        let answer = desk.rig.send("POST", &path, &[AWAY, ("authorization", &sent)], blob).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    let manifest = String::from_utf8(image(&[&layer], "")).unwrap();
    let typed = [("content-type", IMAGE)];
    let path = "/v2/local/app/x/manifests/1";
    assert_eq!(desk.of("bob").send("PUT", path, &typed, &manifest).await.status, 401);
    assert_eq!(desk.rig.send("PUT", path, &[AWAY, typed[0]], manifest.clone()).await.status, 401);
    assert_eq!(desk.of("alice").send("PUT", path, &typed, &manifest).await.status, 201);
    assert_eq!(desk.of("alice").send("GET", path, &[], "").await.status, 200);
    assert_eq!(desk.of("alice").send("DELETE", path, &[], "").await.status, 202);
    assert_eq!(desk.of("bob").send("POST", "/api/v1/accounts", &[], "{}").await.status, 403);
    let (alice, bob) = ("account:alice".to_owned(), "account:bob".to_owned());
    let told = desk.audited(AuditFilter::default()).await;
    let expected = [
        (bob.clone(), "push", "local/app/x:1", AuditOutcome::Refused),
        (alice.clone(), "push", "local/app/x:1", AuditOutcome::Done),
        (alice, "delete", "local/app/x:1", AuditOutcome::Done),
        (bob, "request", "POST /api/v1/accounts", AuditOutcome::Refused),
    ]
    .map(|(actor, action, object, outcome)| (actor, action.to_owned(), object.to_owned(), outcome));
    let told: Vec<_> = told.into_iter().rev().filter(|row| row.0 != "owner").collect();
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_recorded_with_what_it_was_before() {
    let desk = Desk::open().await;
    for (body, action, detail) in [
        (r#"{"role": "viewer"}"#, "account.role", "role: user → viewer"),
        (r#"{"disabled": true}"#, "account.disable", "state: enabled → disabled"),
        (r#"{"password": "another password"}"#, "account.password", "password: changed"),
        (
            r#"{"role": "user", "disabled": false}"#,
            "account.change",
            "role: viewer → user, state: disabled → enabled",
        ),
    ] {
        assert_eq!(
            desk.of("root").send("PATCH", "/api/v1/accounts/bob", &[], body).await.status,
            204,
            "{body}"
        );
        let list = desk
            .get(
                "op",
                &format!("/api/v1/audit?actor=account:root&action={action}&object=bob&outcome=done&n=1"),
            )
            .await;
        let entry = &list["entries"][0];
        assert_eq!((&entry["action"], &entry["detail"]), (&json!(action), &json!(detail)), "{list}");
        assert!(!entry["request"].as_str().unwrap().is_empty());
    }
    let future = entrepot_api::Timestamp::from(SystemTime::now() + Duration::from_secs(3600));
    assert_eq!(desk.get("op", &format!("/api/v1/audit?since={future}")).await["entries"], json!([]));
    let all = desk.get("op", &format!("/api/v1/audit?until={future}&n=2")).await;
    let next = all["next"].as_str().unwrap();
    let rest = desk.get("op", &format!("/api/v1/audit?until={future}&last={next}")).await;
    assert_eq!(all["entries"].as_array().unwrap().len(), 2);
    assert!(rest["entries"].as_array().unwrap().iter().all(|entry| entry["id"].as_str() != Some(next)));
    assert!(desk.access.trim_audit(Duration::ZERO).await.unwrap() > 4);
    assert_eq!(desk.get("op", "/api/v1/audit").await["entries"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_with_a_token_that_ends_soon_is_warned_and_one_that_ended_says_when() {
    let desk = Desk::open().await;
    let token = async |days: u64| {
        let new = NewToken {
            account: "alice".parse().unwrap(),
            name: "ci".to_owned(),
            scopes: "pull:**".parse().unwrap(),
            expires: Some(SystemTime::now() + Duration::from_secs(days * 24 * 60 * 60)),
        };
        desk.access.create_token(&new, &by()).await.unwrap()
    };
    let (soon, late) = (token(3).await, token(30).await);
    let pull = async |authorization: &str| {
        let answer =
            desk.rig.get_with("/v2/library/a/manifests/1", &[AWAY, ("authorization", authorization)]).await;
        assert_eq!(answer.status, 200);
        answer.header("warning").map(str::to_owned)
    };
    let warned = pull(&basic_with("x", soon.expose())).await.unwrap();
    assert!(warned.starts_with(&format!("299 - \"the API token {} (ci) ends at ", soon.id())), "{warned}");
    assert_eq!(pull(&basic_with("x", late.expose())).await, None);
    assert_eq!(pull(&basic_with("alice", PASSWORD)).await, None);
    // A registry token that was issued for it warns as well.
    let issued = desk
        .rig
        .get_with(
            "/token?service=m.test&scope=repository:library/a:pull",
            &[AWAY, ("authorization", &basic_with("x", soon.expose()))],
        )
        .await;
    let bearer = format!("Bearer {}", issued.json()["token"].as_str().unwrap());
    assert_eq!(pull(&bearer).await, Some(warned));
    // The old secret of a renewed token ends in a day, whatever the token says.
    desk.access.renew_token(late.id(), None, &by()).await.unwrap();
    assert!(pull(&basic_with("x", late.expose())).await.is_some());
}
