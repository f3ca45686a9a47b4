//! Lists of tags that no rule writes, over the JSON API: who may decide, and about what.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::{sync::Arc, time::SystemTime};

use entrepot_access::{Access, Role, Rules};
use entrepot_catalog::{Catalog, Claim, Instance, InstanceId, Location, NewPrune};
use entrepot_oci::Digest;
use entrepot_scheduler::{Executor, Scheduler, SchedulerMetrics, SchedulerParts};
use entrepot_secrets::Keyring;
use entrepot_server::SyncService;
use entrepot_sync::rules::{RuleSection, RuleSet};
use serde_json::{Value, json};
use support::{
    Rig, Setup,
    account::{AWAY, PASSWORD, basic, by, name},
};

struct Yard {
    rig: Rig,
    access: Access,
    catalog: Catalog,
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
        let rules = json!([{"name": "base", "from": "quay.io/a/b", "to": [{"repository": "docker.io/c/d", "prune": "review"}]}]);
        let sections: Vec<RuleSection> = serde_json::from_value(rules).unwrap();
        let executor: Executor = Arc::new(|_| Box::pin(async { Ok(()) }));
        let instance =
            Instance { id: InstanceId::new(), name: "a test".to_owned(), started: SystemTime::now() };
        let Claim::Ours(lock) = catalog.claim(&instance).await.unwrap() else { panic!("it is locked") };
        let parts = SchedulerParts {
            catalog: catalog.clone(),
            instance,
            lock,
            rules: RuleSet::check(&sections).unwrap(),
            executor,
            metrics: SchedulerMetrics::default(),
            events: Default::default(),
            clock: Arc::new(SystemTime::now),
        };
        let sync = SyncService::new(Scheduler::open(parts).await.unwrap());
        let setup = Setup { access: Some(access.clone()), sync: Some(sync), ..Setup::default() };
        Self { rig: Rig::start_with(setup).await, access, catalog, _directory: directory }
    }

    /// A list of two tags, as a run makes it.
    async fn list(&self) -> (String, String) {
        let digest = Digest::of(b"list");
        let tag = |tag: &str| ("docker.io/c/d".to_owned(), tag.to_owned(), Digest::of(b"image"));
        let tags = [tag("old"), tag("older")];
        let at = SystemTime::now();
        let new = NewPrune {
            rule: "base",
            run: "7".parse().unwrap(),
            digest,
            tags: &tags,
            at,
            expires: at + std::time::Duration::from_secs(60),
        };
        (self.catalog.add_prune(&new).await.unwrap().to_string(), digest.to_string())
    }

    async fn ask(&self, user: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let authorization = basic(user);
        let headers = [AWAY, ("authorization", authorization.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.rig.send(method, &format!("/api/v1/sync/prunes{path}"), &headers, body).await;
        (answer.status.as_u16(), serde_json::from_str(&answer.text()).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_decides_says_what_they_have_seen() {
    let yard = Yard::new().await;
    let (id, digest) = yard.list().await;
    let (status, all) = yard.ask("operator", "GET", "?rule=base", Value::Null).await;
    assert_eq!((status, &all["prunes"][0]["id"], &all["more"]), (200, &json!(id), &json!(false)));
    assert_eq!((&all["prunes"][0]["status"], &all["prunes"][0]["run"]), (&json!("waiting"), &json!("7")));
    let (_, detail) = yard.ask("operator", "GET", &format!("/{id}?n=1"), Value::Null).await;
    assert_eq!((&detail["tags"][0]["tag"], &detail["more"]), (&json!("old"), &json!(true)));
    let (_, rest) = yard.ask("operator", "GET", &format!("/{id}?after=1"), Value::Null).await;
    assert_eq!((&rest["tags"][0]["tag"], &rest["tags"][0]["outcome"]), (&json!("older"), &json!("listed")));

    let approve = format!("/{id}/approve");
    let other = json!({"digest": Digest::of(b"another").to_string()});
    let (status, problem) = yard.ask("operator", "POST", &approve, other).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict")));
    let (status, problem) = yard.ask("operator", "POST", &approve, json!({"digest": "x"})).await;
    assert_eq!((status, &problem["field"]), (400, &json!("digest")));
    let (status, approved) = yard.ask("operator", "POST", &approve, json!({"digest": digest})).await;
    assert_eq!((status, &approved["decided_by"]), (202, &json!("account:operator")));
    let (status, problem) =
        yard.ask("operator", "POST", &format!("/{id}/reject"), json!({"digest": digest})).await;
    assert_eq!(status, 409, "{problem}");
    let log = yard.access.audit(&Default::default(), 10).await.unwrap().rows;
    let deed = log.iter().find(|row| row.entry.action == "prune.approve").unwrap();
    assert!(deed.entry.object == "base" && deed.entry.detail.as_deref().unwrap().contains(&digest));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_operators_and_admins_decide() {
    let yard = Yard::new().await;
    let (id, digest) = yard.list().await;
    let seen = json!({"digest": digest});
    for user in ["user", "viewer"] {
        for path in ["approve", "reject"] {
            let (status, _) = yard.ask(user, "POST", &format!("/{id}/{path}"), seen.clone()).await;
            assert_eq!(status, 403, "{user} {path}");
        }
        assert_eq!(yard.ask(user, "GET", "", Value::Null).await.0, 403);
    }
    for missing in ["17", "x"] {
        let (status, problem) = yard.ask("admin", "GET", &format!("/{missing}"), Value::Null).await;
        assert_eq!(
            (status, &problem["detail"]),
            (404, &json!(format!("there is no list of tags `{missing}`")))
        );
    }
    let (status, rejected) = yard.ask("admin", "POST", &format!("/{id}/reject"), seen).await;
    assert_eq!((status, &rejected["status"]), (202, &json!("rejected")));
}
