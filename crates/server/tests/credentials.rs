//! Stored credentials and keys over the JSON API: who may, and what is told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::sync::Arc;

use entrepot_access::{Access, NewToken, Role, Rules};
use entrepot_catalog::{Catalog, Location};
use entrepot_remote::{RemoteSettings, StoredCredentials};
use entrepot_secrets::{KeyFile, SharedKeyring};
use entrepot_testkit::client::Response;
use entrepot_vault::{Vault, VaultParts};
use serde_json::{Value, json};
use support::{
    Rig, Setup,
    account::{AWAY, PASSWORD, basic, by, name},
};

struct Yard {
    rig: Rig,
    access: Access,
    stored: StoredCredentials,
    _directory: tempfile::TempDir,
}

impl Yard {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
        let file = KeyFile::new(directory.path().join("secret.key"));
        let keys = SharedKeyring::of_file(file.open_or_create(directory.path()).unwrap().keyring, file);
        let access = Access::open(catalog.clone(), keys.clone(), Rules::default()).await.unwrap();
        let stored = StoredCredentials::default();
        let parts = VaultParts {
            catalog,
            keys,
            stored: stored.clone(),
            settings: Arc::new(|_| RemoteSettings::default()),
            changed: Arc::new(|| {}),
        };
        let vault = Vault::open(parts).await.unwrap();
        for (account, role) in [
            ("root", Role::Admin),
            ("operator", Role::Operator),
            ("user", Role::User),
            ("viewer", Role::Viewer),
        ] {
            access.create_account(&name(account), role, Some(PASSWORD.into()), &by()).await.unwrap();
        }
        let setup = Setup { access: Some(access.clone()), vault: Some(vault), ..Setup::default() };
        Self { rig: Rig::start_with(setup).await, access, stored, _directory: directory }
    }

    async fn ask(&self, method: &str, path: &str, authorization: &str, body: &Value) -> Response {
        let headers = [AWAY, ("authorization", authorization), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.rig.send(method, &format!("/api/v1{path}"), &headers, body).await
    }

    async fn change(&self, method: &str, path: &str, tag: &str, body: &Value) -> Response {
        let root = basic("root");
        let headers =
            [AWAY, ("authorization", &root), ("content-type", "application/json"), ("if-match", tag)];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.rig.send(method, &format!("/api/v1{path}"), &headers, body).await
    }

    async fn root(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let answer = self.ask(method, path, &basic("root"), &body).await;
        assert!(!answer.text().contains("canary"), "{}", answer.text());
        (answer.status.as_u16(), serde_json::from_str(&answer.text()).unwrap_or_default())
    }
}

fn quay() -> Value {
    json!({"registry": "quay.io", "namespace": "acme", "username": "robot", "password": "canary-1"})
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_go_in_and_never_come_out() {
    let yard = Yard::new().await;
    let (status, made) = yard.root("POST", "/credentials", quay()).await;
    assert_eq!((status, made), (201, json!({"name": "quay.io/acme"})));
    assert!(yard.stored.have(&"quay.io".parse().unwrap()));
    let (_, listed) = yard.root("GET", "/credentials", Value::Null).await;
    let one = &listed["credentials"][0];
    assert_eq!(
        (&one["registry"], &one["namespace"], &one["username"]),
        (&json!("quay.io"), &json!("acme"), &json!("robot"))
    );
    let mut keys: Vec<&String> = one.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(
        keys,
        ["changed", "created", "endpoint", "name", "namespace", "registry", "revision", "username"]
    );

    let path = "/credentials/quay.io%2Facme";
    assert_eq!(yard.root("PATCH", path, json!({"password": "canary-2", "username": "other"})).await.0, 204);
    assert_eq!(yard.root("GET", "/credentials", Value::Null).await.1["credentials"][0]["username"], "other");
    assert_eq!(yard.root("POST", "/credentials", quay()).await.0, 409);
    assert_eq!(yard.root("DELETE", path, Value::Null).await.0, 204);
    assert!(!yard.stored.have(&"quay.io".parse().unwrap()));
    assert_eq!(yard.root("DELETE", path, Value::Null).await.0, 404);
}

/// What is changed in each way, and what is removed: only as it was looked at, if that is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_meant_for_another_state_does_nothing() {
    let yard = Yard::new().await;
    assert_eq!(yard.root("POST", "/credentials", quay()).await.0, 201);
    let token = json!({"account": "user", "name": "ci", "scopes": ["pull:**"]});
    let token = yard.root("POST", "/tokens", token).await.1["id"].as_str().unwrap().to_owned();
    let (token, renewal) = (format!("/tokens/{token}"), format!("/tokens/{token}/renew"));
    for (thing, method, path, body) in [
        ("/credentials/quay.io%2Facme", "PATCH", "/credentials/quay.io%2Facme", json!({"username": "b"})),
        ("/credentials/quay.io%2Facme", "DELETE", "/credentials/quay.io%2Facme", Value::Null),
        (token.as_str(), "POST", renewal.as_str(), Value::Null),
        (token.as_str(), "DELETE", token.as_str(), Value::Null),
        ("/accounts/viewer", "PATCH", "/accounts/viewer", json!({"disabled": true})),
        ("/accounts/viewer", "DELETE", "/accounts/viewer", Value::Null),
    ] {
        let what = format!("{method} {path}");
        let before = yard.ask("GET", thing, &basic("root"), &Value::Null).await;
        let tag = before.header("etag").unwrap().to_owned();
        assert_eq!(tag, format!("\"{}\"", before.json()["revision"]), "{what}");
        for other in ["\"999\"", "W/\"1\"", "\"x\"", ""] {
            let refused = yard.change(method, path, other, &body).await;
            assert_eq!(
                (refused.status.as_u16(), &refused.json()["code"]),
                (412, &json!("stale")),
                "{what} {other}"
            );
            assert!(refused.json()["hint"].as_str().unwrap().contains("`ETag`"), "{what}");
        }
        let after = yard.ask("GET", thing, &basic("root"), &Value::Null).await;
        assert_eq!(after.text(), before.text(), "{what}: nothing has changed");
        let done = yard.change(method, path, &tag, &body).await;
        assert!(done.status.is_success(), "{what}: {}", done.text());
        if method != "DELETE" {
            assert_eq!(yard.change(method, path, &tag, &body).await.status, 412, "{what}: that was before");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_without_the_password() {
    let yard = Yard::new().await;
    for (change, told) in [
        (json!({"registry": "not a host"}), ""),
        (json!({"namespace": "Acme"}), ""),
        (json!({"endpoint": "quay"}), "the endpoint is not a URL such as `https://registry.example.com`"),
        (
            json!({"endpoint": "https://x:canary@quay.io"}),
            "the endpoint is not a URL such as `https://registry.example.com`",
        ),
        (json!({"username": "a:b"}), "a user name has 1 to 1024 characters, and no `:`"),
        (json!({"password": ""}), "a password has 1 to 65536 bytes"),
        (json!({"name": "a b"}), "a name has 1 to 200 letters, digits and signs, and no spaces"),
        (json!({"passwort": "canary"}), "the body has other fields than it should"),
    ] {
        let mut body = quay();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, problem) = yard.root("POST", "/credentials", body).await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(status == 400 && detail.starts_with(told) && !detail.is_empty(), "{change}: {problem}");
    }
    // Some clouds issue passwords of many kilobytes.
    let long = json!({"registry": "gcr.io", "username": "_json_key", "password": "x".repeat(60_000)});
    assert_eq!(yard.root("POST", "/credentials", long).await.0, 201);
    let longer = json!({"registry": "quay.io", "username": "a", "password": "x".repeat(300_000)});
    assert_eq!(yard.root("POST", "/credentials", longer).await.0, 413);
    assert_eq!(yard.root("PATCH", "/credentials/gcr.io", json!({})).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_and_the_owner_reach_secrets() {
    let yard = Yard::new().await;
    let operations = [
        ("GET", "/credentials", Value::Null),
        ("POST", "/credentials", quay()),
        ("PATCH", "/credentials/none", json!({"username": "x"})),
        ("DELETE", "/credentials/none", Value::Null),
        ("POST", "/credentials/none/verify", Value::Null),
        ("GET", "/secrets", Value::Null),
        ("POST", "/secrets/rotate", Value::Null),
    ];
    // A token without `admin` carries nothing of this, an admin's neither.
    let new = NewToken {
        account: name("root"),
        name: "ci".to_owned(),
        scopes: "pull,push:** sync".parse().unwrap(),
        expires: None,
    };
    let token = yard.access.create_token(&new, &by()).await.unwrap();
    let bearer = format!("Bearer {}", token.expose());
    for (method, path, body) in &operations {
        for user in ["operator", "user", "viewer"] {
            let refused = yard.ask(method, path, &basic(user), body).await;
            assert_eq!(refused.status, 403, "{user} {method} {path}: {}", refused.text());
        }
        assert_eq!(yard.ask(method, path, &bearer, body).await.status, 403, "{method} {path}");
        let anonymous = yard.rig.send(method, &format!("/api/v1{path}"), &[AWAY], "").await;
        assert_eq!(anonymous.status, 401, "{method} {path}");
        assert_ne!(yard.root(method, path, body.clone()).await.0 / 100, 5, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_replaces_both_keys_and_refuses_no_live_token() {
    let yard = Yard::new().await;
    yard.root("POST", "/credentials", quay()).await;
    let before = yard.root("GET", "/secrets", Value::Null).await.1;
    let token = yard.access.issue(
        &yard.access.login("root", &PASSWORD.into(), None).await.unwrap(),
        "m.test",
        Default::default(),
    );
    let (status, after) = yard.root("POST", "/secrets/rotate", Value::Null).await;
    assert_eq!(status, 200, "{after}");
    assert_ne!(after["keys"][0]["id"], before["keys"][0]["id"]);
    assert_eq!(after["keys"].as_array().unwrap().len(), 1);
    yard.access.bearer(&token).await.unwrap();
    let listed = yard.root("GET", "/audit", Value::Null).await.1;
    assert_eq!(
        (&listed["entries"][0]["action"], &listed["entries"][0]["actor"]),
        (&json!("secrets.rotate"), &json!("account:root"))
    );
}
