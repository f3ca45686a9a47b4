//! Keep lists over the JSON API, and their badge and log.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use entrepot_keep::{KeepList, KeepSection, Sources};
use entrepot_testkit::{TestImage, client::Response, until_answer};
use serde_json::{Value, json};
use support::{Setup, account::basic, noise, yard::Yard};

fn list() -> KeepList {
    let images = ["docker.io/library/a:1", "docker.io/library/gone:1"].map(str::to_owned).into();
    let section = KeepSection {
        name: Some("daily".into()),
        images,
        schedule: Some("@daily".into()),
        ..KeepSection::default()
    };
    section.check(1, &Sources::default()).unwrap()
}

async fn yard() -> Yard {
    let setup = Setup { keep: vec![list()], ..Setup::default() };
    let yard = Yard::with(entrepot_access::Rules::default(), setup).await;
    yard.rig.upstream.put_image("library/a", "1", &TestImage::layers([noise(1, 3000)]));
    yard
}

async fn ask(yard: &Yard, user: &str, method: &str, path: &str) -> Response {
    let authorization = basic(user);
    yard.send(method, path, &[("authorization", &authorization)], "").await
}

fn document(answer: &Response) -> Value {
    serde_json::from_str(&answer.text()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_run_by_those_who_may_and_seen_by_all() {
    let yard = yard().await;
    assert_eq!(ask(&yard, "bob", "POST", "/api/v1/keep/daily/run").await.status, 403);
    assert_eq!(ask(&yard, "olga", "POST", "/api/v1/keep/nothing/run").await.status, 404);
    assert_eq!(ask(&yard, "olga", "POST", "/api/v1/keep/daily/cancel").await.status, 409);
    let begun = ask(&yard, "olga", "POST", "/api/v1/keep/daily/run").await;
    assert_eq!((begun.status.as_u16(), &document(&begun)["name"]), (202, &json!("daily")));
    let ended = async || {
        let list = document(&yard.send("GET", "/api/v1/keep/daily", &[], "").await);
        (list["running"].is_null() && !list["last"].is_null()).then_some(list)
    };
    let list = until_answer("the run to end", ended).await;
    assert_eq!(list["images"], json!({"kept": 1, "failed": 1, "postponed": 0}));
    assert_eq!((&list["last"]["outcome"], &list["schedule"]), (&json!("failed"), &json!("@daily")));
    let lists = document(&yard.send("GET", "/api/v1/keep", &[], "").await);
    assert_eq!(lists["lists"].as_array().unwrap().len(), 1);
    let failed = document(&yard.send("GET", "/api/v1/keep/daily/images?state=failed", &[], "").await);
    assert_eq!(failed["images"][0]["image"], "docker.io/library/gone:1");
    assert!(failed["images"][0]["problem"].as_str().unwrap().contains("is not known"), "{failed}");
    let page = document(&yard.send("GET", "/api/v1/keep/daily/images?n=1", &[], "").await);
    assert_eq!((&page["images"][0]["state"], &page["more"]), (&json!("kept"), &json!(true)));
    let badge = yard.send("GET", "/badge/keep/daily", &[], "").await;
    assert_eq!(badge.header("content-type"), Some("image/svg+xml"));
    assert!(
        badge.text().contains(">daily</text>") && badge.text().contains(">1/2</text>"),
        "{}",
        badge.text()
    );
    assert!(yard.send("GET", "/badge/keep.svg", &[], "").await.text().contains(">1/2</text>"));
    let log = yard.send("GET", "/logs/keep/daily", &[], "").await.text();
    let kept = "SYNCHRONIZED: docker.io/library/a:1 and m.test/docker.io/library/a:1 are in synchronized";
    assert!(log.contains(kept) && log.contains("NOT-SYNCHRONIZED: docker.io/library/gone:1"), "{log}");
    assert_eq!(yard.send("GET", "/logs/keep/nothing", &[], "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_lists_there_is_nothing() {
    let yard = Yard::new().await;
    assert_eq!(yard.send("GET", "/api/v1/keep", &[], "").await.status, 404);
    assert_eq!(yard.send("GET", "/badge/keep.svg", &[], "").await.status, 404);
}
