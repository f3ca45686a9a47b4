//! What clients of registries trip over when they log in, and what attackers try.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::time::{Duration, SystemTime};

use entrepot_access::{Access, AccountUpdate, ApiToken, NewToken, Role, Rules};
use entrepot_catalog::{Catalog, Location, NewApiToken};
use entrepot_secrets::Keyring;
use entrepot_testkit::{TestImage, client::Response};
use support::{
    Rig, Setup,
    account::{AWAY, PASSWORD, basic_with, by, grant, name},
    code, noise,
};

/// Clients put these into forms, URLs and Basic credentials.
const HARD_PASSWORD: &str = "密码 %26&\"+=:\\/ é";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const PULL: &str = "/v2/library/a/manifests/1";
const START: &str = "/v2/local/app/x/blobs/uploads/";

struct Gate {
    rig: Rig,
    access: Access,
    directory: tempfile::TempDir,
}

fn form(fields: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (key, value) in fields {
        let escaped: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        text.push_str(&format!("{key}={escaped}&"));
    }
    text
}

impl Gate {
    async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let rules = Rules {
            anonymous: "pull".parse().unwrap(),
            anonymous_sees: true,
            local: "pull,push".parse().unwrap(),
            grants: vec![grant("account:alice", "local/app/**", "pull,push")],
            private: vec!["docker.io/acme/**".parse().unwrap(), "local/secret/**".parse().unwrap()],
            ..Rules::default()
        };
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
        let access = Access::open(catalog, Keyring::generate(), rules).await.unwrap();
        access.create_account(&name("alice"), Role::User, Some(PASSWORD.into()), &by()).await.unwrap();
        access.create_account(&name("bob"), Role::User, Some(HARD_PASSWORD.into()), &by()).await.unwrap();
        let rig = Rig::start_with(Setup { access: Some(access.clone()), ..Setup::default() }).await;
        for image in ["library/a", "acme/web"] {
            rig.upstream.put_image(image, "1", &TestImage::layers([noise(1, 100)]));
        }
        Self { rig, access, directory }
    }

    async fn send(&self, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> Response {
        let mut headers = vec![AWAY];
        headers.extend_from_slice(more);
        self.rig.send(method, path, &headers, body.to_owned()).await
    }

    async fn status(&self, method: &str, path: &str, authorization: &str) -> u16 {
        self.send(method, path, &[("authorization", authorization)], "").await.status.as_u16()
    }

    async fn api_token(&self, scopes: &str) -> ApiToken {
        let new = NewToken {
            account: name("alice"),
            name: "ci".to_owned(),
            scopes: scopes.parse().unwrap(),
            expires: None,
        };
        self.access.create_token(&new, &by()).await.unwrap()
    }

    async fn bearer(&self, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> String {
        let issued = self.send(method, path, more, body).await;
        assert_eq!(issued.status, 200, "{}", issued.text());
        let json = issued.json();
        assert_eq!(json["token"], json["access_token"]);
        format!("Bearer {}", json["token"].as_str().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_come_in_every_shape_and_are_united() {
    let gate = Gate::open().await;
    let alice = ("authorization", basic_with("alice", PASSWORD));
    let alice = [(alice.0, alice.1.as_str())];
    let (push, pull) = ("repository:local/app/x:push", "repository:local/app/x:pull");
    let get = format!("/token?service=m.test&scope={push}&scope={pull}&scope=repository:A B:pull&scope=x");
    let spaced = format!("/token?service=m.test&scope={push}%20{pull}");
    let repeated = form(&[("service", "m.test"), ("scope", push), ("scope", pull)]);
    let joined = form(&[("service", "m.test"), ("scope", &format!("{pull} {push}"))]);
    let posted = [alice[0], FORM];
    for bearer in [
        gate.bearer("GET", &get.replace("A B", "A%20B"), &alice, "").await,
        gate.bearer("GET", &spaced, &alice, "").await,
        gate.bearer("POST", "/token", &posted, &repeated).await,
        gate.bearer("POST", "/token", &posted, &joined).await,
        gate.bearer("POST", &format!("/token?scope={push}"), &posted, &form(&[("scope", pull)])).await,
    ] {
        assert_eq!(gate.status("POST", START, &bearer).await, 202);
        assert_eq!(gate.status("GET", "/v2/local/app/x/manifests/1", &bearer).await, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_counts_that_a_name_leads_to_and_not_the_name_in_the_token() {
    let gate = Gate::open().await;
    for (scope, path) in [("acme/web", "/v2/acme/web"), ("docker.io/acme/web", "/v2/docker.io/acme/web")] {
        let bearer = gate
            .bearer("GET", &format!("/token?service=m.test&scope=repository:{scope}:pull"), &[], "")
            .await;
        for path in [
            format!("{path}/manifests/1"),
            format!("{path}/tags/list"),
            format!("{path}/manifests/1?ns=docker.io"),
        ] {
            assert_eq!(gate.status("GET", &path, &bearer).await, 401, "{path}");
        }
    }
    // A token for one name is none for another, also where both lead to the same.
    let bearer = gate.bearer("GET", "/token?service=m.test&scope=repository:library/a:pull", &[], "").await;
    assert_eq!(gate.status("GET", PULL, &bearer).await, 200);
    let other =
        gate.send("GET", "/v2/docker.io/library/a/manifests/1", &[("authorization", &bearer)], "").await;
    assert!(
        other
            .header("www-authenticate")
            .unwrap()
            .ends_with("scope=\"repository:docker.io/library/a:pull\",error=\"insufficient_scope\"")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_address_speaks_json_and_sets_no_cookie() {
    let gate = Gate::open().await;
    let page = ("accept", "text/html,application/xhtml+xml");
    let wrong = basic_with("alice", "wrong");
    for (method, more, body, status) in [
        ("GET", vec![page], "", 200),
        ("GET", vec![page, ("authorization", wrong.as_str())], "", 401),
        ("POST", vec![page, FORM], "username=alice&password=wrong", 401),
        ("POST", vec![page, FORM], "\u{fffd}%zz&&&=", 200),
        ("PUT", vec![page], "", 405),
        ("DELETE", vec![], "", 405),
    ] {
        let answer = gate.send(method, "/token?service=m.test", &more, body).await;
        assert_eq!(answer.status, status, "{method} {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"), "{method}");
        assert_eq!(answer.header("set-cookie"), None);
        let _: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    }
    let large = gate.send("POST", "/token", &[FORM], &"x".repeat(100_000)).await;
    assert_eq!((large.status.as_u16(), large.header("content-type")), (400, Some("application/json")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_counts_before_the_header_and_offline_tokens_change_nothing() {
    let gate = Gate::open().await;
    let alice = basic_with("alice", PASSWORD);
    let scope = ("scope", "repository:local/app/x:pull,push");
    let header_only = form(&[("grant_type", "password"), scope]);
    let bearer = gate.bearer("POST", "/token", &[FORM, ("authorization", &alice)], &header_only).await;
    assert_eq!(gate.status("POST", START, &bearer).await, 202, "the header, where the form has none");
    let both = form(&[("username", "bob"), ("password", HARD_PASSWORD), scope]);
    let bearer = gate.bearer("POST", "/token", &[FORM, ("authorization", &alice)], &both).await;
    assert_eq!(gate.status("POST", START, &bearer).await, 401, "bob, who may not");
    let wrong = form(&[("username", "bob"), ("password", "wrong"), scope]);
    let answer = gate.send("POST", "/token", &[FORM, ("authorization", &alice)], &wrong).await;
    assert_eq!(answer.status, 401);
    for more in ["&offline_token=true", "&access_type=offline", ""] {
        let path = format!("/token?service=other.example&account=bob&client_id=x{more}");
        let answer = gate.send("GET", &path, &[("authorization", &alice)], "").await;
        assert_eq!(answer.status, 200);
        assert!(answer.json().get("refresh_token").is_none() && answer.json().get("issued_at").is_none());
        assert!(answer.json()["expires_in"].as_u64().unwrap() >= 60);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_tokens_are_api_tokens_or_refused() {
    let gate = Gate::open().await;
    let token = gate.api_token("pull,push:local/app/**").await;
    for user in ["<token>", "", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(gate.status("GET", "/v2/", &basic_with(user, token.expose())).await, 200, "{user}");
        assert_eq!(
            gate.status("GET", "/v2/", &basic_with(user, "another registry's identity token")).await,
            401,
            "{user}"
        );
    }
    let scope = ("scope", "repository:local/app/x:pull,push");
    let refresh = |secret| form(&[("grant_type", "refresh_token"), ("refresh_token", secret), scope]);
    for _ in 0..2 {
        let bearer = gate.bearer("POST", "/token", &[FORM], &refresh(token.expose())).await;
        assert_eq!(gate.status("POST", START, &bearer).await, 202);
    }
    assert_eq!(gate.send("POST", "/token", &[FORM], &refresh("another registry's")).await.status, 401);
    let foreign = form(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
        ("scope", "repository:library/a:pull"),
    ]);
    let bearer = gate.bearer("POST", "/token", &[FORM], &foreign).await;
    assert_eq!(gate.status("GET", PULL, &bearer).await, 200, "public images are for everybody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_that_is_wrong_disabled_or_gone_is_told_so() {
    let gate = Gate::open().await;
    let token = gate.api_token("pull,push:local/app/**").await;
    let login = async |secret: &str| {
        gate.status(
            "GET",
            "/token?service=m.test&scope=repository:local/app/x:pull,push",
            &basic_with("ci", secret),
        )
        .await
    };
    assert_eq!(login(token.expose()).await, 200);
    assert_eq!(login(&token.expose()[..40]).await, 401, "cut off");
    assert_eq!(login(ApiToken::generate().expose()).await, 401, "of another server");
    let disable = AccountUpdate { is_disabled: Some(true), ..AccountUpdate::default() };
    gate.access.change_account(&name("alice"), disable, &by()).await.unwrap();
    assert_eq!(login(token.expose()).await, 401, "disabled");
    let enable = AccountUpdate { is_disabled: Some(false), ..AccountUpdate::default() };
    gate.access.change_account(&name("alice"), enable, &by()).await.unwrap();
    assert_eq!(login(token.expose()).await, 200);
    gate.access.remove_token(token.id(), None, &by()).await.unwrap();
    assert_eq!(login(token.expose()).await, 401, "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_password_comes_through_by_basic_and_by_form() {
    let gate = Gate::open().await;
    assert_eq!(gate.status("GET", "/v2/", &basic_with("bob", HARD_PASSWORD)).await, 200);
    let body = form(&[("username", "bob"), ("password", HARD_PASSWORD)]);
    let bearer = gate.bearer("POST", "/token", &[FORM], &body).await;
    assert_eq!(gate.status("GET", "/v2/", &bearer).await, 200);
    // Another registry's token may be long; it is refused as a password and not as a request.
    assert_eq!(gate.status("GET", "/v2/", &basic_with("bob", &"x".repeat(8000))).await, 401);
    assert_eq!(gate.status("GET", PULL, &basic_with("bob", &"x".repeat(8000))).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_many_repositories_fits_into_every_proxy() {
    let gate = Gate::open().await;
    let scopes: String = (0..20)
        .map(|number| {
            format!(
                "&scope=repository:registry.example.com:5000/team-{number}/an-image-with-a-name:pull,push"
            )
        })
        .collect();
    let bearer = gate
        .bearer(
            "GET",
            &format!("/token?service=m.test{scopes}"),
            &[("authorization", &basic_with("alice", PASSWORD))],
            "",
        )
        .await;
    assert!(bearer.len() < 4096, "{}", bearer.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_answered_with_the_time_to_wait() {
    let gate = Gate::open().await;
    for guess in 0..6 {
        assert_eq!(gate.status("GET", "/v2/", &basic_with("alice", &format!("guess {guess}"))).await, 401);
    }
    let slowed = gate.send("GET", "/v2/", &[("authorization", &basic_with("alice", "guess 7"))], "").await;
    assert_eq!((slowed.status.as_u16(), slowed.header("retry-after")), (429, Some("1")));
    assert_eq!(code(&slowed), "TOOMANYREQUESTS");
    assert_eq!(
        gate.status("GET", PULL, &basic_with("alice", "guess 8")).await,
        200,
        "public images come all the same"
    );
    let token = gate.api_token("pull:**").await;
    assert_eq!(
        gate.status("GET", "/v2/", &basic_with("alice", token.expose())).await,
        200,
        "API tokens do not wait"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_challenge_has_an_empty_or_bare_parameter() {
    let gate = Gate::open().await;
    let token = gate.api_token("pull:elsewhere/**").await;
    for (method, path) in
        [("GET", "/v2/"), ("GET", "/v2/local/secret/x/manifests/1"), ("POST", START), ("DELETE", PULL)]
    {
        for sent in [
            None,
            Some(basic_with("alice", "wrong")),
            Some(basic_with("x", token.expose())),
            Some("Bearer x.y.z".to_owned()),
        ] {
            let more: Vec<_> = sent.as_deref().map(|sent| ("authorization", sent)).into_iter().collect();
            let answer = gate.send(method, path, &more, "").await;
            let Some(challenge) = answer.header("www-authenticate") else { continue };
            assert_eq!(answer.headers.get_all("www-authenticate").iter().count(), 1);
            let parameters = challenge.strip_prefix("Bearer ").unwrap();
            for parameter in parameters.split("\",") {
                let (key, value) = parameter.split_once("=\"").unwrap();
                let value = value.trim_end_matches('"');
                assert!(key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{challenge}");
                assert!(!value.is_empty() && !value.contains(['"', '\\', '?', '#', ' ']), "{challenge}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_what_the_token_carries_and_not_what_exists() {
    let gate = Gate::open().await;
    gate.rig.push_blob("local/secret/x", "hello").await;
    let token = gate.api_token("pull:local/app/**").await;
    let sent = [("authorization", basic_with("x", token.expose()))];
    let sent = [(sent[0].0, sent[0].1.as_str())];
    let answer = gate.send("POST", START, &sent, "").await;
    let text = answer.text();
    for part in ["account:alice", "`pull,push` on `local/app/x`", "`ci`", "`pull:local/app/**`"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let (there, absent) = (
        gate.send("GET", "/v2/local/secret/x/tags/list", &sent, "").await,
        gate.send("GET", "/v2/local/secret/y/tags/list", &sent, "").await,
    );
    assert_eq!(there.text(), absent.text().replace("secret/y", "secret/x"));
}

/// `docker login`, then a pull of a public image: Docker sends the login with it, and asks for a token first.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_with_a_narrow_token_takes_no_public_image_away() {
    let gate = Gate::open().await;
    gate.rig.push_blob("local/app/x", "hello").await;
    gate.rig.push_blob("local/secret/x", "hello").await;
    let token = gate.api_token("push:local/other").await;
    let basic = basic_with("x", token.expose());
    for (repository, status) in [("local/app/x", 404), ("local/secret/x", 401)] {
        let scope = format!("/token?service=s&scope=repository:{repository}:pull,push");
        let answer = gate.send("GET", &scope, &[("authorization", &basic)], "").await;
        assert_eq!(answer.status, 200, "{repository}");
        let issued: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
        let bearer = format!("Bearer {}", issued["token"].as_str().unwrap());
        for sent in [&basic, &bearer] {
            let sent = [("authorization", sent.as_str())];
            let pull = gate.send("GET", &format!("/v2/{repository}/manifests/none"), &sent, "").await;
            assert_eq!(pull.status, status, "{repository}: {}", pull.text());
            let push = gate.send("POST", &format!("/v2/{repository}/blobs/uploads/"), &sent, "").await;
            assert_eq!(push.status, 401, "{repository}: its scopes do not name it");
        }
    }
}

/// Clients compare realm and service with those of an earlier answer, and give up when they differ.
#[tokio::test(flavor = "multi_thread")]
async fn the_challenge_is_the_same_for_every_client_and_whatever_was_sent() {
    let gate = Gate::open().await;
    let (wrong, foreign) = (basic_with("alice", "wrong password"), basic_with("", "x"));
    let narrow = basic_with("x", gate.api_token("pull:local/other").await.expose());
    let mut said = Vec::new();
    for agent in ["docker/27.0 go/go1.22", "containerd/2.0", "curl/8.5", "Mozilla/5.0 (X11)", ""] {
        for sent in
            [None, Some(wrong.as_str()), Some(foreign.as_str()), Some(narrow.as_str()), Some("Bearer x.y.z")]
        {
            let mut headers = vec![("user-agent", agent)];
            headers.extend(sent.map(|sent| ("authorization", sent)));
            for (method, path) in [("POST", START), ("GET", "/v2/local/secret/x/manifests/1")] {
                let answer = gate.send(method, path, &headers, "").await;
                let all: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
                assert!(
                    answer.status == 401 && all.len() == 1,
                    "{agent} {sent:?} {method}: {}",
                    answer.text()
                );
                let challenge = all[0].to_str().unwrap();
                let (place, _) = challenge.split_once(",scope=").unwrap();
                assert!(place.starts_with("Bearer realm=\""), "{challenge}");
                said.push(place.to_owned());
            }
        }
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_credentials_says_who_somebody_is() {
    let gate = Gate::open().await;
    let token = gate.api_token("admin").await;
    for header in [
        "x-forwarded-user",
        "x-remote-user",
        "remote-user",
        "x-auth-request-user",
        "x-webauth-user",
        "x-registry-auth",
    ] {
        assert_eq!(gate.send("POST", START, &[(header, "alice")], "").await.status, 401, "{header}");
    }
    for query in ["token", "access_token", "jwt", "account"] {
        let path = format!("/api/v1/tokens?{query}={}", token.expose());
        assert_eq!(gate.send("GET", &path, &[], "").await.status, 401, "{query}");
    }
    for cookie in [format!("token={}", token.expose()), format!("session={}", token.expose())] {
        assert_eq!(gate.send("GET", "/api/v1/tokens", &[("cookie", &cookie)], "").await.status, 401);
    }
    assert_eq!(
        gate.send("POST", START, &[("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=127.0.0.1")], "")
            .await
            .status,
        401
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_any_size_changes_nothing_about_who_may() {
    let gate = Gate::open().await;
    let bob = basic_with("bob", HARD_PASSWORD);
    for length in [0, 1, 5000, 1 << 20] {
        let body = "x".repeat(length);
        for sent in [None, Some(("authorization", bob.as_str()))] {
            let more: Vec<_> = sent.into_iter().collect();
            let expected = if sent.is_some() { 403 } else { 401 };
            assert_eq!(
                gate.send("POST", "/api/v1/accounts", &more, &body).await.status,
                expected,
                "{length}"
            );
            assert_eq!(
                gate.send("PATCH", "/api/v1/accounts/alice", &more, &body).await.status,
                expected,
                "{length}"
            );
            assert_eq!(
                gate.send("PUT", "/v2/local/app/x/manifests/1", &more, &body).await.status,
                401,
                "{length}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_values_and_nothing_of_them_is_a_query() {
    let gate = Gate::open().await;
    let root = name("root");
    gate.access.create_account(&root, Role::Admin, Some(PASSWORD.into()), &by()).await.unwrap();
    let sent = [("authorization", basic_with("root", PASSWORD))];
    let sent = [(sent[0].0, sent[0].1.as_str())];
    for text in [
        "' OR 1=1 --",
        "a' UNION SELECT password FROM account --",
        "%",
        "_",
        "\\",
        "alice'; DROP TABLE account; --",
    ] {
        let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for (path, list) in [
            ("accounts?search", "accounts"),
            ("audit?actor", "entries"),
            ("audit?object", "entries"),
            ("grants?to", "grants"),
        ] {
            let answer = gate.send("GET", &format!("/api/v1/{path}={escaped}"), &sent, "").await;
            assert_eq!(answer.status, 200, "{path} {text}: {}", answer.text());
            assert_eq!(answer.json()[list], serde_json::json!([]), "{path} {text}");
        }
        for path in [
            "accounts?sort",
            "accounts?role",
            "accounts?kind",
            "accounts?disabled",
            "audit?outcome",
            "audit?last",
        ] {
            assert_eq!(
                gate.send("GET", &format!("/api/v1/{path}={escaped}"), &sent, "").await.status,
                400,
                "{path} {text}"
            );
        }
        let answer = gate.send("GET", &format!("/api/v1/accounts?last={escaped}"), &sent, "").await;
        assert_eq!(answer.status, 200, "{text}");
    }
    assert_eq!(
        gate.send("GET", "/api/v1/accounts", &sent, "").await.json()["accounts"].as_array().unwrap().len(),
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_token_is_for_the_registry_alone() {
    let gate = Gate::open().await;
    gate.access.create_account(&name("root"), Role::Admin, Some(PASSWORD.into()), &by()).await.unwrap();
    let sent = [("authorization", basic_with("root", PASSWORD))];
    let sent = [(sent[0].0, sent[0].1.as_str())];
    let bearer = gate.bearer("GET", "/token?service=m.test&scope=repository:library/a:pull", &sent, "").await;
    assert_eq!(gate.status("GET", PULL, &bearer).await, 200);
    for (method, path) in [
        ("GET", "/api/v1/accounts"),
        ("GET", "/api/v1/tokens"),
        ("POST", "/api/v1/tokens"),
        ("PATCH", "/api/v1/accounts/root"),
        ("GET", "/api/v1/audit"),
        ("GET", "/api/v1/cache/totals"),
        ("DELETE", "/api/v1/cache/images?name=library/a"),
    ] {
        assert_eq!(gate.status(method, path, &bearer).await, 403, "{method} {path}");
    }
    let me = gate.send("GET", "/api/v1/me", &[("authorization", &bearer)], "").await;
    assert_eq!(me.json()["operations"], serde_json::json!(["see"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_cannot_log_in_and_says_when_it_ended() {
    let gate = Gate::open().await;
    let database = Location::Sqlite(gate.directory.path().join("access.db"));
    let catalog = Catalog::open(&database).await.unwrap();
    let token = ApiToken::generate();
    let ended = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let new = NewApiToken {
        id: token.id().to_string(),
        account: catalog.account_by_name("alice").await.unwrap().unwrap().id,
        name: "nightly".to_owned(),
        scopes: "pull,push:local/app/**".to_owned(),
        hash: token.hash(),
        expires: Some(ended),
    };
    catalog.add_api_token(&new, ended).await.unwrap();
    let sent = basic_with("ci", token.expose());
    for (method, path) in
        [("GET", "/v2/"), ("GET", "/token?service=m.test"), ("POST", START), ("GET", "/api/v1/tokens")]
    {
        let answer = gate.send(method, path, &[("authorization", &sent)], "").await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(
            answer.text().contains("`nightly` expired at 2023-11-14T22:13:20Z"),
            "{path}: {}",
            answer.text()
        );
    }
    assert_eq!(gate.status("GET", PULL, &sent).await, 200, "public images are for everybody");
}
