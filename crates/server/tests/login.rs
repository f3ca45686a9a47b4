//! Logging in to the registry API: challenges, tokens, and what each sender may do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use entrepot_access::{Access, AccountUpdate, NewToken, Role, Rules, Verbs, WrongCredentials};
use entrepot_catalog::{Catalog, Location};
use entrepot_oci::Digest;
use entrepot_secrets::Keyring;
use entrepot_testkit::{TestImage, client::Response};
use support::{
    Rig, Setup,
    account::{AWAY, PASSWORD, basic_with, by, grant, name},
    code, noise,
};

struct Yard {
    rig: Rig,
    access: Access,
    _directory: tempfile::TempDir,
}

impl Yard {
    async fn new() -> Self {
        Self::with(WrongCredentials::Ignored).await
    }

    async fn with(wrong_credentials: WrongCredentials) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let rules = Rules {
            anonymous: "pull".parse().unwrap(),
            anonymous_sees: true,
            local: "pull,push,delete".parse().unwrap(),
            grants: vec![
                grant("account:alice", "local/app/**", "pull,push"),
                grant("account:alice", "local/secret/**", "pull"),
                grant("account:carol", "local/**", "pull,push,delete"),
            ],
            private: vec!["local/secret/**".parse().unwrap()],
            wrong_credentials,
        };
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
        let access = Access::open(catalog, Keyring::generate(), rules).await.unwrap();
        for account in ["alice", "bob", "carol"] {
            let password = Some(PASSWORD.into());
            access.create_account(&name(account), Role::User, password, &by()).await.unwrap();
        }
        let rig = Rig::start_with(Setup { access: Some(access.clone()), ..Setup::default() }).await;
        rig.upstream.put_image("library/a", "1", &TestImage::layers([noise(1, 100)]));
        Self { rig, access, _directory: directory }
    }

    async fn send(&self, method: &str, path: &str, authorization: Option<&str>) -> Response {
        let mut headers = vec![AWAY];
        headers.extend(authorization.map(|value| ("authorization", value)));
        self.rig.send(method, path, &headers, "").await
    }

    /// Asks for a token as Docker does.
    async fn token(&self, user: Option<&str>, scopes: &[&str]) -> Response {
        let scopes: String = scopes.iter().map(|scope| format!("&scope={scope}")).collect();
        let sent = user.map(|user| basic_with(user, PASSWORD));
        self.send("GET", &format!("/token?service=m.test{scopes}"), sent.as_deref()).await
    }

    async fn bearer(&self, user: Option<&str>, scopes: &[&str]) -> String {
        let issued = self.token(user, scopes).await;
        assert_eq!(issued.status, 200, "{}", issued.text());
        format!("Bearer {}", json(&issued)["token"].as_str().unwrap())
    }

    async fn status(&self, method: &str, path: &str, authorization: &str) -> u16 {
        self.send(method, path, Some(authorization)).await.status.as_u16()
    }
}

fn json(response: &Response) -> serde_json::Value {
    serde_json::from_str(&response.text()).unwrap()
}

fn challenge(response: &Response) -> String {
    let all: Vec<_> = response.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(all.len(), 1, "exactly one");
    all[0].to_str().unwrap().to_owned()
}

const REALM: &str = r#"Bearer realm="http://m.test/token",service="m.test""#;

#[tokio::test(flavor = "multi_thread")]
async fn the_ping_says_how_to_log_in() {
    let yard = Yard::new().await;
    for agent in ["docker/27", "containerd/2", "curl/8", ""] {
        let answer = yard.rig.send("GET", "/v2/", &[AWAY, ("user-agent", agent)], "").await;
        assert_eq!((answer.status.as_u16(), challenge(&answer)), (401, REALM.to_owned()), "{agent}");
        assert_eq!(answer.header("docker-distribution-api-version"), Some("registry/2.0"));
        assert_eq!(answer.header("set-cookie"), None);
        assert_eq!(code(&answer), "UNAUTHORIZED");
    }
    assert_eq!(yard.rig.get("/v2/").await.status, 200, "programs on this machine need no login");
    let secure = yard.rig.send("GET", "/v2/", &[AWAY, ("x-forwarded-proto", "https")], "").await;
    assert!(challenge(&secure).starts_with(r#"Bearer realm="https://m.test/token""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_to_log_in_while_there_is_nothing_to_log_in_with() {
    let directory = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
    let access = Access::open(catalog, Keyring::generate(), Rules::default()).await.unwrap();
    access.make_first_admin().await.unwrap();
    let rig = Rig::start_with(Setup { access: Some(access.clone()), ..Setup::default() }).await;
    // A password for a proxy in front.
    let proxy = basic_with("somebody", "something");
    let ping = async |headers: &[(&str, &str)]| rig.send("GET", "/v2/", headers, "").await.status.as_u16();
    assert_eq!((ping(&[AWAY]).await, ping(&[AWAY, ("authorization", &proxy)]).await), (200, 200));
    assert_eq!(rig.send("POST", "/v2/local/x/blobs/uploads/", &[AWAY], "").await.status, 401);
    let password = AccountUpdate { password: Some(PASSWORD.into()), ..AccountUpdate::default() };
    access.change_account(&name("admin"), password, &by()).await.unwrap();
    assert_eq!((ping(&[AWAY]).await, ping(&[AWAY, ("authorization", &proxy)]).await), (401, 401));
}

// `oras repo ls` sends its password only where it is asked for it.
#[tokio::test(flavor = "multi_thread")]
async fn the_list_asks_for_a_login_where_nobody_may_pull_without_one() {
    let directory = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
    let grants = vec![grant("account:alice", "local/**", "pull,push")];
    let rules = Rules { anonymous: Verbs::NONE, local: Verbs::NONE, grants, ..Rules::default() };
    let access = Access::open(catalog, Keyring::generate(), rules).await.unwrap();
    let rig =
        Rig::start_with(Setup { access: Some(access.clone()), catalog: true, ..Setup::default() }).await;
    let list = async |headers: &[(&str, &str)]| rig.send("GET", "/v2/_catalog", headers, "").await;
    assert_eq!(list(&[AWAY]).await.status, 200, "nobody can log in yet");
    access.create_account(&name("alice"), Role::User, Some(PASSWORD.into()), &by()).await.unwrap();
    for headers in [[AWAY].as_slice(), &[]] {
        let answer = list(headers).await;
        assert_eq!((answer.status.as_u16(), code(&answer)), (401, "UNAUTHORIZED".to_owned()));
        assert!(challenge(&answer).starts_with("Bearer realm="));
    }
    let (right, wrong) = (basic_with("alice", PASSWORD), basic_with("alice", "wrong"));
    assert_eq!(list(&[AWAY, ("authorization", &wrong)]).await.status, 401);
    let answer = list(&[AWAY, ("authorization", &right)]).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "{\"repositories\":[]}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_checked_at_the_ping_and_at_the_token() {
    let yard = Yard::new().await;
    assert_eq!(yard.status("GET", "/v2/", &basic_with("alice", PASSWORD)).await, 200);
    for wrong in [
        basic_with("alice", "wrong"),
        basic_with("nobody", PASSWORD),
        "Basic !".to_owned(),
        "Negotiate x".to_owned(),
    ] {
        let answer = yard.send("GET", "/v2/", Some(&wrong)).await;
        assert_eq!((answer.status.as_u16(), challenge(&answer)), (401, REALM.to_owned()));
    }
    let wrong = yard.send("GET", "/token?service=m.test", Some(&basic_with("alice", "wrong"))).await;
    assert_eq!((wrong.status.as_u16(), code(&wrong).as_str()), (401, "UNAUTHORIZED"));
    let bearer = yard.bearer(Some("alice"), &[]).await;
    assert_eq!(yard.status("GET", "/v2/", &bearer).await, 200, "a token without scopes is a login");
    let damaged = format!("{}x", &bearer[..bearer.len() - 1]);
    let answer = yard.send("GET", "/v2/", Some(&damaged)).await;
    assert_eq!(
        (answer.status.as_u16(), challenge(&answer)),
        (401, format!("{REALM},error=\"invalid_token\""))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_answer_is_what_every_client_reads() {
    let yard = Yard::new().await;
    let answer = yard.token(Some("alice"), &["repository:library/a:pull"]).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let issued = json(&answer);
    assert_eq!(issued["token"], issued["access_token"]);
    assert_eq!(issued["expires_in"], 300);
    assert!(issued.get("refresh_token").is_none() && issued.get("issued_at").is_none());

    let form = format!(
        "grant_type=password&service=m.test&client_id=containerd&username=alice&password={}&scope=repository%3Alocal%2Fapp%2Fx%3Apull%2Cpush",
        PASSWORD.replace(' ', "+")
    );
    let headers = [AWAY, ("content-type", "application/x-www-form-urlencoded")];
    let answer = yard.rig.send("POST", "/token", &headers, form.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(json(&answer)["scope"], "repository:local/app/x:pull,push");
    let bearer = format!("Bearer {}", json(&answer)["access_token"].as_str().unwrap());
    assert_eq!(yard.status("POST", "/v2/local/app/x/blobs/uploads/", &bearer).await, 202);
    let wrong = form.replace("correct", "wrong");
    let answer = yard.rig.send("POST", "/token", &headers, wrong).await;
    assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (401, "UNAUTHORIZED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn public_content_needs_no_login() {
    let yard = Yard::new().await;
    for path in ["/v2/library/a/manifests/1", "/v2/library/a/tags/list"] {
        assert_eq!(yard.send("GET", path, None).await.status, 200, "{path}");
        // A password for another registry is no reason to send the client elsewhere.
        assert_eq!(yard.status("GET", path, &basic_with("hub-user", "hub-password")).await, 200, "{path}");
    }
    let scope = ["repository:library/a:pull"];
    for who in [None, Some("nobody")] {
        let bearer = yard.bearer(who, &scope).await;
        assert_eq!(yard.status("GET", "/v2/library/a/manifests/1", &bearer).await, 200, "{who:?}");
    }
    let push = yard.token(Some("nobody"), &["repository:local/app/x:pull,push"]).await;
    assert_eq!(push.status, 401, "but for nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn pushing_needs_a_grant_and_a_scope() {
    let yard = Yard::new().await;
    let start = "/v2/local/app/x/blobs/uploads/";
    let anonymous = yard.send("POST", start, None).await;
    assert_eq!(anonymous.status, 401);
    assert_eq!(challenge(&anonymous), format!("{REALM},scope=\"repository:local/app/x:pull,push\""));
    let scope = ["repository:local/app/x:pull,push"];
    let alice = yard.bearer(Some("alice"), &scope).await;
    assert_eq!(yard.status("POST", start, &alice).await, 202);
    assert_eq!(yard.status("POST", start, &basic_with("alice", PASSWORD)).await, 202, "Basic at once");
    let bob = yard.bearer(Some("bob"), &scope).await;
    for sent in
        [bob, basic_with("bob", PASSWORD), yard.bearer(Some("alice"), &["repository:local/app/x:pull"]).await]
    {
        let answer = yard.send("POST", start, Some(&sent)).await;
        assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (401, "DENIED"));
        let expected =
            format!("{REALM},scope=\"repository:local/app/x:pull,push\",error=\"insufficient_scope\"");
        assert_eq!(challenge(&answer), expected);
    }
    assert_eq!(yard.status("DELETE", "/v2/local/app/x/manifests/1", &alice).await, 401);
    let carol = yard.bearer(Some("carol"), &["repository:local/app/x:*"]).await;
    assert_eq!(yard.status("DELETE", "/v2/local/app/x/manifests/1", &carol).await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn private_content_does_not_even_exist_for_others() {
    let yard = Yard::new().await;
    // Pushed by a program on this machine.
    let digest = yard.rig.push_blob("local/secret/x", "hello").await;
    let paths = |repository: &str| {
        [
            format!("/v2/{repository}/blobs/{digest}"),
            format!("/v2/{repository}/manifests/1"),
            format!("/v2/{repository}/tags/list"),
            format!("/v2/{repository}/referrers/{digest}"),
        ]
    };
    for sent in [None, Some(basic_with("bob", PASSWORD)), Some(basic_with("bob", "wrong"))] {
        for (there, absent) in paths("local/secret/x").iter().zip(paths("local/secret/y")) {
            for method in ["GET", "HEAD"] {
                let (there, absent) = (
                    yard.send(method, there, sent.as_deref()).await,
                    yard.send(method, &absent, sent.as_deref()).await,
                );
                let plain = |response: &Response| (response.status, response.text().replace("/y", "/x"));
                assert_eq!(there.status, 401, "{sent:?} {method}");
                assert_eq!(plain(&there), plain(&absent), "no answer tells whether it exists");
            }
        }
    }
    let alice = yard.bearer(Some("alice"), &["repository:local/secret/x:pull"]).await;
    assert_eq!(yard.status("GET", &format!("/v2/local/secret/x/blobs/{digest}"), &alice).await, 200);
    assert_eq!(yard.status("GET", "/v2/local/secret/x/manifests/1", &alice).await, 404, "they may know");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_without_right_is_an_upload_like_any_other() {
    let yard = Yard::new().await;
    let digest = yard.rig.push_blob("local/secret/x", "hello").await;
    let absent = Digest::of(b"absent");
    let carol = yard.bearer(Some("carol"), &["repository:local/app/x:pull,push"]).await;
    let mount = async |digest: &Digest, sent: &str| {
        let path = format!("/v2/local/app/x/blobs/uploads/?mount={digest}&from=local/secret/x");
        yard.status("POST", &path, sent).await
    };
    // Carol may read the source, but this token does not allow it.
    assert_eq!((mount(&digest, &carol).await, mount(&absent, &carol).await), (202, 202));
    let both = ["repository:local/app/x:pull,push", "repository:local/secret/x:pull"];
    let carol = yard.bearer(Some("carol"), &both).await;
    assert_eq!((mount(&digest, &carol).await, mount(&absent, &carol).await), (201, 202));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_only_push_may_look_before() {
    let yard = Yard::new().await;
    let digest = yard.rig.push_blob("local/app/x", "hello").await;
    let new = NewToken {
        account: name("alice"),
        name: "ci".to_owned(),
        scopes: "push:local/app/**".parse().unwrap(),
        expires: None,
    };
    let token = yard.access.create_token(&new, &by()).await.unwrap();
    let path = format!("/v2/local/app/x/blobs/{digest}");
    for sent in [basic_with("ci", token.expose()), format!("Bearer {}", token.expose())] {
        assert_eq!(yard.status("POST", "/v2/local/app/x/blobs/uploads/", &sent).await, 202);
        assert_eq!(yard.status("HEAD", &path, &sent).await, 200);
        assert_eq!(
            yard.status("HEAD", "/v2/library/a/manifests/1", &sent).await,
            200,
            "public, whatever its scopes are"
        );
    }
    // Public content is for everybody; that of `local/secret` is not.
    let secret = yard.rig.push_blob("local/secret/x", "hello").await;
    let sent = basic_with("ci", token.expose());
    assert_eq!(yard.status("GET", &format!("/v2/local/secret/x/blobs/{secret}"), &sent).await, 401);
}

// W02: addresses are in logs and in the history of browsers.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_an_address_is_no_credential() {
    let yard = Yard::new().await;
    let digest = yard.rig.push_blob("local/secret/x", "hello").await;
    let new = NewToken {
        account: name("alice"),
        name: "ci".to_owned(),
        scopes: "pull:**".parse().unwrap(),
        expires: None,
    };
    let token = yard.access.create_token(&new, &by()).await.unwrap();
    let path = format!("/v2/local/secret/x/blobs/{digest}");
    for field in ["token", "access_token", "authorization", "api_token"] {
        let path = format!("{path}?{field}={}", token.expose());
        assert_eq!(yard.send("GET", &path, None).await.status, 401, "{field}");
        let path = format!("/api/v1/tokens?{field}={}", token.expose());
        assert_eq!(yard.send("GET", &path, None).await.status, 401, "{field}");
    }
    assert_eq!(yard.status("GET", &path, &basic_with("alice", token.expose())).await, 200);
}

// Row 45 of what clients trip over: foreign credentials are no reason to go around this mirror.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_no_use_are_ignored_visibly_where_nothing_but_public_pulls_are_asked_for() {
    let yard = Yard::new().await;
    let foreign = basic_with("hub-user", "hub-password");
    let token = async |scopes: &str| {
        yard.send("GET", &format!("/token?service=m.test{scopes}"), Some(&foreign)).await
    };
    let pull = token("&scope=repository:library/a:pull").await;
    assert_eq!((pull.status.as_u16(), pull.header("warning").is_some()), (200, true));
    for refused in [
        "",
        "&scope=repository:library/a:pull,push",
        "&scope=repository:local/secret/x:pull",
        "&scope=repository:library/a:pull&scope=repository:local/secret/x:pull",
    ] {
        assert_eq!(token(refused).await.status, 401, "{refused}");
    }
    let path = "/v2/library/a/manifests/1";
    let served = yard.send("GET", path, Some(&foreign)).await;
    assert_eq!((served.status.as_u16(), served.header("warning").is_some()), (200, true));
    assert_eq!(yard.send("GET", path, None).await.header("warning"), None);
    let bob = basic_with("bob", PASSWORD);
    assert_eq!(yard.send("GET", path, Some(&bob)).await.header("warning"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_no_use_can_be_refused_instead() {
    let yard = Yard::with(WrongCredentials::Refused).await;
    let foreign = basic_with("hub-user", "hub-password");
    let path = "/v2/library/a/manifests/1";
    assert_eq!(yard.send("GET", path, None).await.status, 200);
    let refused = yard.send("GET", path, Some(&foreign)).await;
    assert_eq!((refused.status.as_u16(), code(&refused).as_str()), (401, "UNAUTHORIZED"));
    let token = "/token?service=m.test&scope=repository:library/a:pull";
    assert_eq!(yard.send("GET", token, Some(&foreign)).await.status, 401);
    assert_eq!(yard.send("GET", token, None).await.status, 200);
}

/// Helm and crane look with a token that they asked for pulls alone.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_only_push_may_look_with_a_token_for_pulls() {
    let yard = Yard::new().await;
    let secret = yard.rig.push_blob("local/secret/x", "hello").await;
    let new = NewToken {
        account: name("carol"),
        name: "drop".to_owned(),
        scopes: "push:local/secret/**".parse().unwrap(),
        expires: None,
    };
    let token = yard.access.create_token(&new, &by()).await.unwrap();
    let sent = basic_with("drop", token.expose());
    let asked = "/token?service=m.test&scope=repository:local/secret/x:pull";
    let issued = yard.send("GET", asked, Some(&sent)).await;
    let bearer = format!("Bearer {}", json(&issued)["token"].as_str().unwrap());
    let blob = format!("/v2/local/secret/x/blobs/{secret}");
    assert_eq!(yard.status("HEAD", &blob, &bearer).await, 200);
    assert_eq!(yard.status("GET", &blob, &bearer).await, 401);
    assert_eq!(yard.status("POST", "/v2/local/secret/x/blobs/uploads/", &bearer).await, 401, "not asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_manages_themselves_and_an_admin_all() {
    let yard = Yard::new().await;
    yard.access.create_account(&name("root"), Role::Admin, Some(PASSWORD.into()), &by()).await.unwrap();
    let (alice, root) = (basic_with("alice", PASSWORD), basic_with("root", PASSWORD));
    let send = async |method: &str, path: &str, who: Option<&str>, body: &str| {
        let mut headers = vec![AWAY];
        headers.extend(who.map(|value| ("authorization", value)));
        yard.rig.send(method, path, &headers, body.to_owned()).await
    };
    let status = async |method: &str, path: &str, who: Option<&str>, body: &str| {
        send(method, path, who, body).await.status.as_u16()
    };
    for (path, anonymous, user, admin) in [
        ("/api/v1/me", 200, 200, 200),
        ("/api/v1/accounts", 401, 403, 200),
        ("/api/v1/tokens", 401, 200, 200),
        ("/api/v1/tokens?account=bob", 401, 403, 200),
        ("/api/v1/audit", 401, 403, 200),
    ] {
        let seen = (
            status("GET", path, None, "").await,
            status("GET", path, Some(&alice), "").await,
            status("GET", path, Some(&root), "").await,
        );
        assert_eq!(seen, (anonymous, user, admin), "{path}");
    }
    let new = r#"{"name": "ci", "scopes": ["pull:**"]}"#;
    let issued = send("POST", "/api/v1/tokens", Some(&alice), new).await;
    assert_eq!(issued.status, 201, "{}", issued.text());
    let (id, token) = (json(&issued)["id"].as_str().unwrap().to_owned(), json(&issued)["token"].clone());
    let token = format!("Bearer {}", token.as_str().unwrap());
    assert_eq!(status("GET", "/api/v1/tokens", Some(&token), "").await, 403, "a token makes no tokens");
    let bob = basic_with("bob", PASSWORD);
    assert_eq!(
        status("DELETE", &format!("/api/v1/tokens/{id}"), Some(&bob), "").await,
        404,
        "of somebody else"
    );
    assert_eq!(status("DELETE", &format!("/api/v1/tokens/{id}"), Some(&alice), "").await, 204);
    let own = r#"{"password": "another password"}"#;
    assert_eq!(status("PATCH", "/api/v1/accounts/bob", Some(&alice), own).await, 403);
    assert_eq!(status("PATCH", "/api/v1/accounts/alice", Some(&alice), r#"{"role": "admin"}"#).await, 403);
    assert_eq!(status("PATCH", "/api/v1/accounts/alice", Some(&alice), own).await, 204);
    assert_eq!(status("GET", "/api/v1/me", Some(&basic_with("alice", "another password")), "").await, 200);
    for (body, expected) in [
        (r#"{"name": "dave", "role": "user", "password": "hunter2"}"#, 400),
        (r#"{"name": "Dave", "role": "user"}"#, 400),
        (r#"{"name": "dave", "role": "root"}"#, 400),
        (r#"{"name": "bob", "role": "user"}"#, 409),
        (r#"{"name": "dave", "role": "viewer", "password": "long enough"}"#, 201),
        ("{", 400),
    ] {
        let answer = send("POST", "/api/v1/accounts", Some(&root), body).await;
        assert_eq!(answer.status, expected, "{body}: {}", answer.text());
        assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    }
    assert_eq!(status("DELETE", "/api/v1/accounts/root", Some(&root), "").await, 409, "the last admin");
    assert_eq!(status("DELETE", "/api/v1/accounts/dave", Some(&root), "").await, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_ends_at_once() {
    let yard = Yard::new().await;
    let alice = yard.bearer(Some("alice"), &["repository:local/app/x:pull,push"]).await;
    let start = "/v2/local/app/x/blobs/uploads/";
    assert_eq!(yard.status("POST", start, &alice).await, 202);
    let disable = AccountUpdate { is_disabled: Some(true), ..AccountUpdate::default() };
    yard.access.change_account(&name("alice"), disable, &by()).await.unwrap();
    let answer = yard.send("POST", start, Some(&alice)).await;
    assert_eq!(answer.status, 401);
    assert!(challenge(&answer).ends_with(",error=\"invalid_token\""));
    assert_eq!(yard.token(Some("alice"), &[]).await.status, 401);
}
