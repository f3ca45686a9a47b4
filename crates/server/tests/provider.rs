//! Logins by an OpenID provider, of programs without a browser, of jobs, and with a directory that is away, over HTTP.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use base64::{Engine, prelude::BASE64_STANDARD};
use entrepot_access::{Access, AccessSection, AccessSettings, Role};
use entrepot_catalog::{Catalog, Location};
use entrepot_secrets::Keyring;
use entrepot_testkit::{
    client::Response,
    identity_provider::{CLIENT_ID, CLIENT_SECRET, IdentityProvider, ProviderFault},
};
use serde_json::{Value, json};
use support::{
    Rig, Setup,
    account::{AWAY, PASSWORD, by, name},
};

const OURS: (&str, &str) = ("origin", "http://m.test");

struct Yard {
    rig: Rig,
    idp: IdentityProvider,
    access: Access,
    _directory: tempfile::TempDir,
}

impl Yard {
    /// With more in the section `access` than the provider.
    async fn with(more: Value) -> Self {
        let idp = IdentityProvider::start().await;
        let mut section = json!({
            "oidc": {"issuer": idp.issuer(), "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "users": ["dev"]},
            "workloads": [{
                "issuer": idp.issuer(), "audience": "http://m.test", "claims": {"repository_id": "74"},
                "repositories": ["local/app/**"], "may": ["pull", "push"],
            }],
            "anonymous": [], "private": ["local/**"],
        });
        for (key, value) in more.as_object().unwrap() {
            section[key] = value.clone();
        }
        let section: AccessSection = serde_json::from_value(section).unwrap();
        let settings = AccessSettings {
            rules: section.rules().unwrap(),
            federation: section.federation().unwrap(),
            ..AccessSettings::default()
        };
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
        let access = Access::open(catalog, Keyring::generate(), settings).await.unwrap();
        access.create_account(&name("admin"), Role::Admin, Some(PASSWORD.into()), &by()).await.unwrap();
        let rig = Rig::start_with(Setup { access: Some(access.clone()), ..Setup::default() }).await;
        Self { rig, idp, access, _directory: directory }
    }

    async fn new() -> Self {
        Self::with(json!({})).await
    }

    fn person(&self, sub: &str, groups: &[&str]) {
        let claims = json!({"sub": sub, "preferred_username": sub, "groups": groups});
        self.idp.set_person(claims, json!({"sub": sub}));
    }

    async fn get(&self, path: &str, cookie: &str) -> Response {
        self.rig.get_with(path, &[AWAY, ("cookie", cookie), ("accept", "text/html")]).await
    }

    async fn post(&self, path: &str, cookie: &str, body: &str) -> Response {
        let form = ("content-type", "application/x-www-form-urlencoded");
        self.rig.send("POST", path, &[AWAY, OURS, ("cookie", cookie), form], body.to_owned()).await
    }

    async fn api(&self, path: &str, body: Value) -> Response {
        self.rig.send("POST", path, &[AWAY, ("content-type", "application/json")], body.to_string()).await
    }

    /// Goes to the provider and comes back with the cookie of the session, or the page that says why not.
    async fn browser(&self) -> Result<String, Response> {
        let there = self.get("/login/oidc?next=/account", "").await;
        if there.status != 303 {
            return Err(there);
        }
        let back =
            self.get(&here(&self.idp.log_in(there.header("location").unwrap())), &cookies(&there)).await;
        if back.status != 303 {
            return Err(back);
        }
        assert_eq!(back.header("location"), Some("/account"));
        Ok(cookies(&back))
    }

    async fn me(&self, cookie: &str) -> Value {
        self.get("/api/v1/me", cookie).await.json()["account"].clone()
    }

    async fn token(&self, user: &str, password: &str) -> Response {
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
        self.rig.get_with("/token?service=m.test", &[AWAY, ("authorization", basic.as_str())]).await
    }
}

/// The path of an address of this server.
fn here(url: &str) -> String {
    url.strip_prefix("http://m.test").unwrap().to_owned()
}

/// The cookies that a response sets, as the next request sends them.
fn cookies(response: &Response) -> String {
    let set = response.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let pairs =
        set.filter(|value| !value.contains("Max-Age=0")).map(|value| value.split(';').next().unwrap());
    pairs.collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn a_browser_logs_in_by_the_provider() {
    let yard = Yard::new().await;
    yard.person("alice", &["dev"]);
    let there = yard.get("/login/oidc", "").await;
    let cookie = there.header("set-cookie").unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Max-Age=600", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let address = there.header("location").unwrap();
    assert!(address.contains("redirect_uri=http%3A%2F%2Fm.test%2Flogin%2Foidc%2Fcallback"), "{address}");
    let session = yard.browser().await.unwrap();
    assert_eq!(yard.me(&session).await, json!("alice"));
    assert!(!session.contains("login="), "what the login needed is gone: {session}");
    // Row 17 of the traps.
    let registry = yard.get("/v2/", &session).await;
    assert_eq!(registry.header("set-cookie"), None);
}

// Row 79 of the traps.
#[tokio::test]
async fn a_callback_without_its_browser_is_refused() {
    let yard = Yard::new().await;
    yard.person("alice", &["dev"]);
    let there = yard.get("/login/oidc", "").await;
    let back = here(&yard.idp.log_in(there.header("location").unwrap()));
    let other = cookies(&yard.get("/login/oidc", "").await);
    for cookie in ["", "entrepot_login=1.x.y", other.as_str()] {
        let refused = yard.get(&back, cookie).await;
        assert_eq!(refused.status, 400, "{cookie}");
        assert!(refused.text().contains("this browser did not begin the login"), "{}", refused.text());
        assert_eq!(cookies(&refused), "");
    }
    assert_eq!(yard.get(&back, &cookies(&there)).await.status, 303);
    assert_eq!(yard.get(&back, &cookies(&there)).await.status, 400, "once");
}

#[tokio::test]
async fn who_gets_no_session_is_told_why() {
    let yard = Yard::new().await;
    let told = async |status: u16, expected: &str| {
        let page = yard.browser().await.unwrap_err();
        assert_eq!(page.status, status, "{}", page.text());
        assert!(page.text().contains(expected), "{expected}: {}", page.text());
        assert_eq!(cookies(&page), "", "no session");
        assert_eq!(page.header("cache-control"), Some("no-store"));
    };
    yard.person("eve<b>", &["other"]);
    told(403, "<code>eve&lt;b&gt;</code> is in no group that has access here").await;
    yard.idp.set_person(json!({"sub": "1"}), json!({"sub": "1"}));
    told(403, "said nothing about groups at all").await;
    yard.idp.set_person(json!({"sub": "1", "_claim_names": {"groups": "x"}}), json!({"sub": "1"}));
    told(403, "too many for a token").await;
    // Row 39 of the traps.
    yard.idp.set_fault("/token", Some(ProviderFault::Status(500)));
    told(503, "answers wrongly for its token").await;
    let there = yard.get("/login/oidc", "").await;
    let state = there
        .header("location")
        .unwrap()
        .split("state=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap()
        .to_owned();
    let refused = format!("/login/oidc/callback?state={state}&error=access_denied&error_description=not+you");
    let page = yard.get(&refused, &cookies(&there)).await;
    assert_eq!(page.status, 403);
    assert!(page.text().contains("refuses the login: not you"), "{}", page.text());
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_after_a_login() {
    let yard = Yard::new().await;
    yard.person("alice", &["dev"]);
    for next in ["//evil.test/", "https://evil.test/", "%2F%5Cevil.test"] {
        let there = yard.get(&format!("/login/oidc?next={next}"), "").await;
        let back = here(&yard.idp.log_in(there.header("location").unwrap()));
        let back = yard.get(&back, &cookies(&there)).await;
        assert_eq!(back.header("location"), Some("/"), "{next}");
    }
}

#[tokio::test]
async fn a_program_logs_in_with_the_browser_of_its_user() {
    let yard = Yard::new().await;
    yard.person("alice", &["dev"]);
    let begun = yard.api("/api/v1/device-logins", json!({"client": "entrepot on laptop"})).await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    let login = begun.json();
    let page = here(login["verification_uri_complete"].as_str().unwrap());
    let code = login["user_code"].as_str().unwrap();
    let poll = async || {
        let answer =
            yard.api("/api/v1/device-logins/poll", json!({"device_code": login["device_code"]})).await;
        answer.json()
    };
    assert_eq!(poll().await, json!({"state": "pending"}));
    assert_eq!(poll().await, json!({"state": "slow-down"}));
    let sent = yard.get(&page, "").await;
    assert_eq!(sent.status, 303, "it needs a login");
    assert!(
        sent.header("location").unwrap().starts_with("/login?next=%2Flogin%2Fdevice%3Fcode%3D"),
        "{sent:?}"
    );
    let alice = yard.browser().await.unwrap();
    let asked = yard.get(&page, &alice).await;
    assert!(
        asked.status == 200 && asked.text().contains("entrepot on laptop") && asked.text().contains(code)
    );
    let form = format!("code={code}&answer=approve");
    // A page of another site cannot confirm it.
    let forged = yard
        .rig
        .send(
            "POST",
            "/login/device",
            &[AWAY, ("origin", "http://evil.test"), ("cookie", alice.as_str())],
            form.clone(),
        )
        .await;
    assert_eq!(forged.status, 403);
    assert_eq!(yard.post("/login/device", &alice, &form).await.status, 200);
    let done = poll().await;
    assert_eq!((&done["state"], &done["account"]), (&json!("done"), &json!("alice")));
    assert_eq!(yard.token("alice", done["token"].as_str().unwrap()).await.status, 200);
    assert_eq!(poll().await, json!({"state": "expired"}), "the token is told once");
    assert_eq!(yard.post("/login/device", &alice, &form).await.status, 404);
    // A token makes no other tokens.
    let bearer = format!("Bearer {}", done["token"].as_str().unwrap());
    let page = yard.rig.get_with(&page, &[AWAY, ("authorization", bearer.as_str())]).await;
    assert_eq!(page.status, 403);
}

#[tokio::test]
async fn a_login_that_is_refused_gives_no_token() {
    let yard = Yard::new().await;
    yard.person("alice", &["dev"]);
    let login = yard.api("/api/v1/device-logins", json!({"client": "x"})).await.json();
    let alice = yard.browser().await.unwrap();
    let form = format!("code={}&answer=deny", login["user_code"].as_str().unwrap());
    assert_eq!(yard.post("/login/device", &alice, &form).await.status, 200);
    let answer = yard.api("/api/v1/device-logins/poll", json!({"device_code": login["device_code"]})).await;
    assert_eq!(answer.json(), json!({"state": "denied"}));
    let tokens = yard.access.tokens(None, "", 10).await.unwrap();
    assert!(tokens.rows.is_empty());
}

#[tokio::test]
async fn a_job_pushes_with_the_token_of_its_platform() {
    let yard = Yard::new().await;
    let job = |claims: Value| {
        let mut all = json!({"sub": "repo:octo/app", "aud": "http://m.test", "repository_id": "74"});
        claims.as_object().unwrap().iter().for_each(|(name, value)| all[name] = value.clone());
        yard.idp.token(all)
    };
    let issued = yard.token("github", &job(json!({}))).await;
    assert_eq!(issued.status, 200, "{}", issued.text());
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("github:{}", job(json!({})))));
    let opened = |repository: &str| format!("/v2/{repository}/blobs/uploads/");
    let headers = [AWAY, ("authorization", basic.as_str())];
    assert_eq!(yard.rig.send("POST", &opened("local/app/web"), &headers, "").await.status, 202);
    assert_eq!(yard.rig.send("POST", &opened("local/other"), &headers, "").await.status, 401);
    let refused = yard.token("github", &job(json!({"repository_id": "75"}))).await;
    assert_eq!(refused.status, 401);
    assert!(refused.text().contains("claims that differ: `repository_id`"), "{}", refused.text());
    let form = format!("grant_type=password&service=m.test&username=x&password={}", job(json!({})));
    assert_eq!(yard.post("/token", "", &form).await.status, 200, "as OAuth2 clients send it");
}

// Row 39 of the traps: clients forget their password after a 401.
#[tokio::test]
async fn a_directory_that_is_away_is_503_and_never_401() {
    let ldap = json!({"url": "ldap://127.0.0.1:1", "base": "dc=x", "users": ["cn=dev,dc=x"]});
    let yard = Yard::with(json!({"ldap": ldap})).await;
    let away = yard.token("alice", "secret").await;
    assert_eq!(away.status, 503, "{}", away.text());
    assert!(away.text().contains("the directory cannot be asked"), "{}", away.text());
    assert!(away.header("retry-after").is_some() && away.header("www-authenticate").is_none());
    let basic = format!("Basic {}", BASE64_STANDARD.encode("alice:secret"));
    for path in ["/v2/", "/v2/local/app/manifests/1"] {
        let answer = yard.rig.get_with(path, &[AWAY, ("authorization", basic.as_str())]).await;
        assert_eq!(answer.status, 503, "{path}");
    }
    let scoped = yard
        .rig
        .get_with("/token?scope=repository:local/app:pull", &[AWAY, ("authorization", basic.as_str())])
        .await;
    assert_eq!(scoped.status, 503, "no token for everybody either, which would only lead to 401");
    assert_eq!(yard.token("admin", PASSWORD).await.status, 200);
}
