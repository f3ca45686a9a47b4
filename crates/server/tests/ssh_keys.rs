//! One's own public key over the JSON API, and the command that leads into instances.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use serde_json::{Value, json};
use support::{
    library::Yard,
    stock::{INSTANCES, new, reaches, stocked},
};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ/RCeBu0vuIUFobAxYoIjH/7RcrsN2nq6wLgHqPKhfL";
const PATH: &str = "/me/ssh-key";

#[tokio::test(flavor = "multi_thread")]
async fn everybody_has_one_key() {
    let yard = Yard::new().await;
    let none = yard.ask("user", "GET", PATH, Value::Null).await;
    assert_eq!((none.status, &none.body["title"]), (404, &json!("Not Found")), "{}", none.body);
    let key = json!({"key": format!("{KEY} ann@laptop\n")});
    let set = yard.ask("user", "PUT", PATH, key.clone()).await;
    assert_eq!(set.status, 200, "{}", set.body);
    assert_eq!((&set.body["algorithm"], &set.body["comment"]), (&json!("ssh-ed25519"), &json!("ann@laptop")));
    assert!(set.body["fingerprint"].as_str().unwrap().starts_with("SHA256:"));
    assert_eq!(yard.ask("user", "GET", PATH, Value::Null).await.body, set.body);
    let told = yard.ask("admin", "GET", "/audit?action=account.key", Value::Null).await.body;
    assert_eq!(told["entries"][0]["object"], "user", "{told}");

    let taken = yard.ask("operator", "PUT", PATH, key.clone()).await;
    assert_eq!((taken.status, &taken.body["code"]), (409, &json!("exists")), "{}", taken.body);
    assert_eq!(yard.ask("user", "DELETE", PATH, Value::Null).await.status, 204);
    assert_eq!(yard.ask("user", "DELETE", PATH, Value::Null).await.status, 404);
    assert_eq!(yard.ask("operator", "PUT", PATH, key).await.status, 200, "it is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_key_is_told_in_both_languages() {
    let yard = Yard::new().await;
    let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n-----END OPENSSH PRIVATE KEY-----";
    for (text, english, chinese) in [
        (private, "this is a private key", "这是私钥"),
        ("hello", "it is no public key", "这不是公钥"),
        ("ssh-rsa AAAA", "keys of this kind are not taken", "不接受这种密钥"),
        ("command=\"ls\" ssh-ed25519 AAAA", "it is more than one public key", "不止一个公钥"),
    ] {
        let body = json!({"key": text});
        let refused = yard.ask("user", "PUT", PATH, body.clone()).await;
        let detail = refused.body["detail"].as_str().unwrap();
        assert_eq!(refused.status, 400, "{text}");
        assert!(detail.starts_with(english) && !detail.contains("secret"), "{detail}");
        assert_eq!(refused.body["field"], "key", "{}", refused.body);
        let refused = yard.ask_in_chinese("user", "PUT", PATH, body).await;
        assert!(refused.body["detail"].as_str().unwrap().starts_with(chinese), "{}", refused.body);
    }
    assert_eq!(yard.ask("user", "PUT", PATH, json!({"keys": 1})).await.status, 400);
    assert_eq!(yard.ask("user", "GET", PATH, Value::Null).await.status, 404, "nothing was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_says_how_it_is_reached_where_the_server_listens() {
    let (yard, _engine) = stocked().await;
    yard.ask("user", "POST", INSTANCES, new("a")).await;
    reaches(&yard, "/library/instances/1", "running").await;
    assert_eq!(yard.ask("user", "GET", "/library/instances/1", Value::Null).await.body["ssh"], Value::Null);

    let mut settings = entrepot_library::LibrarySettings::default();
    settings.ssh.listen = Some("127.0.0.1:2222".parse().unwrap());
    let (yard, _engine) = support::stock::stocked_with(settings).await;
    yard.ask("user", "POST", INSTANCES, new("a")).await;
    let seen = async |user: &str| {
        yard.ask(user, "GET", "/library/instances/1", Value::Null).await.body["ssh"].clone()
    };
    assert_eq!(seen("user").await, "ssh -p 2222 a@m.test");
    assert_eq!(seen("operator").await, "ssh -p 2222 1@m.test", "names are everybody's own");
    let listed = yard.ask("user", "GET", INSTANCES, Value::Null).await.body;
    assert_eq!(listed["instances"][0]["ssh"], "ssh -p 2222 a@m.test");
}
