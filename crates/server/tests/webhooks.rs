//! Webhooks over the JSON API: who may, and what is told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::{sync::Arc, time::SystemTime};

use entrepot_access::{Access, Role, Rules};
use entrepot_catalog::{Catalog, Location};
use entrepot_secrets::Keyring;
use entrepot_testkit::client::Response;
use entrepot_webhooks::{Webhook, WebhookMetrics, WebhookSection, Webhooks, WebhooksParts};
use serde_json::{Value, json};
use support::{
    Rig, Setup,
    account::{AWAY, PASSWORD, basic, by, name},
};

struct Yard {
    rig: Rig,
    access: Access,
    _directory: tempfile::TempDir,
}

impl Yard {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("db"))).await.unwrap();
        let access = Access::open(catalog.clone(), Keyring::generate(), Rules::default()).await.unwrap();
        for role in Role::ALL {
            access.create_account(&name(role.as_str()), role, Some(PASSWORD.into()), &by()).await.unwrap();
        }
        // Nothing listens on port 1.
        let sections = json!([
            {"name": "ops", "url": "http://127.0.0.1:1/CANARY", "secret": "CANARY-CANARY-CANARY", "private_network": true,
             "on": ["disk.low", "sync.failed"]},
            {"url": "https://oapi.dingtalk.com/robot/send?access_token=CANARY", "format": "dingtalk"},
        ]);
        let sections: Vec<WebhookSection> = serde_json::from_value(sections).unwrap();
        let parts = WebhooksParts {
            catalog,
            webhooks: Webhook::read(&sections).unwrap(),
            server: None,
            metrics: WebhookMetrics::default(),
            clock: Arc::new(SystemTime::now),
        };
        let webhooks = Webhooks::open(parts).await.unwrap();
        let setup = Setup { access: Some(access.clone()), webhooks: Some(webhooks), ..Setup::default() };
        Self { rig: Rig::start_with(setup).await, access, _directory: directory }
    }

    async fn ask(&self, user: &str, method: &str, path: &str) -> Response {
        let authorization = basic(user);
        let headers = [AWAY, ("authorization", authorization.as_str()), ("accept-language", "zh-CN")];
        let answer = self.rig.send(method, &format!("/api/v1{path}"), &headers, "").await;
        assert!(!answer.text().contains("CANARY"), "{}", answer.text());
        answer
    }

    async fn json(&self, method: &str, path: &str) -> (u16, Value) {
        let answer = self.ask("operator", method, path).await;
        (answer.status.as_u16(), serde_json::from_str(&answer.text()).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_shown_without_what_is_secret() {
    let yard = Yard::new().await;
    let (status, all) = yard.json("GET", "/webhooks").await;
    assert_eq!(status, 200);
    let expected = json!({
        "name": "ops", "origin": "http://127.0.0.1:1", "format": "json", "language": "en", "on": ["sync.failed", "disk.low"],
        "signed": true, "waiting": 0, "last": null,
    });
    assert_eq!(all["webhooks"][0], expected);
    let robot = &all["webhooks"][1];
    assert_eq!((&robot["name"], &robot["language"]), (&json!("oapi.dingtalk.com"), &json!("zh")));
    for user in ["user", "viewer"] {
        for (method, path) in [
            ("GET", "/webhooks"),
            ("GET", "/webhook-deliveries"),
            ("POST", "/webhooks/ops/test"),
            ("POST", "/webhook-deliveries/1/redeliver"),
        ] {
            assert_eq!(yard.ask(user, method, path).await.status, 403, "{user} {method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_is_made_at_once_and_logged() {
    let yard = Yard::new().await;
    let (status, trial) = yard.json("POST", "/webhooks/ops/test").await;
    assert_eq!((status, &trial["delivered"], &trial["answer"]), (200, &json!(false), &Value::Null));
    assert!(trial["problem"].as_str().unwrap().to_lowercase().contains("refused"), "{trial}");
    let (_, page) = yard.json("GET", "/webhook-deliveries?webhook=ops&status=failed").await;
    let delivery = &page["deliveries"][0];
    assert_eq!((&delivery["kind"], &delivery["attempts"]), (&json!("test"), &json!(1)));
    let id = delivery["id"].as_str().unwrap();
    let (status, again) = yard.json("POST", &format!("/webhook-deliveries/{id}/redeliver")).await;
    assert_eq!((status, &again["status"]), (202, &json!("waiting")));
    assert!(again["next"].is_string());
    let (_, page) = yard.json("GET", "/webhook-deliveries?status=waiting").await;
    assert_eq!(page["deliveries"].as_array().unwrap().len(), 1);
    let (_, none) = yard.json("GET", &format!("/webhook-deliveries?before={id}")).await;
    assert_eq!(none, json!({"deliveries": [], "more": false}));
    let log = yard.access.audit(&Default::default(), 10).await.unwrap().rows;
    let actions: Vec<_> = log.iter().map(|row| row.entry.action.as_str()).collect();
    assert!(actions.contains(&"webhook.test") && actions.contains(&"webhook.redeliver"), "{actions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_in_the_readers_language() {
    let yard = Yard::new().await;
    let (status, problem) = yard.json("POST", "/webhooks/nobody/test").await;
    assert_eq!((status, &problem["detail"]), (404, &json!("没有 Webhook `nobody`")));
    for id in ["17", "x"] {
        let (status, problem) = yard.json("POST", &format!("/webhook-deliveries/{id}/redeliver")).await;
        assert_eq!((status, problem["detail"].as_str().unwrap()), (404, format!("没有投递 `{id}`").as_str()));
    }
    let (status, problem) = yard.json("GET", "/webhook-deliveries?status=lost").await;
    assert_eq!((status, &problem["field"]), (400, &json!("status")));
}
