//! Specs over the JSON API: who may, what is told, and what a change leaves alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use entrepot_access::Role;
use serde_json::{Value, json};
use support::library::Yard;

fn part() -> Value {
    json!({
        "name": "A100 四分之一", "vendor": "nvidia", "gpu_model": "NVIDIA A100", "gpu_count": 1,
        "gpu_memory_mib": 20_480, "memory_split": true, "core_percent": 25, "cpu_milli": 8000,
        "memory_mib": 65_536, "price": 125_000
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_is_made_changed_and_removed() {
    let yard = Yard::new().await;
    let made = yard.ask("operator", "POST", "/library/specs", part()).await;
    assert_eq!((made.status, made.tag.as_deref()), (201, Some("\"1\"")), "{}", made.body);
    assert_eq!(
        (&made.body["id"], &made.body["on_shelf"], &made.body["shm_mib"]),
        (&json!(1), &json!(true), &Value::Null)
    );
    let path = "/library/specs/1";
    let change = json!({"price": 100_000, "core_percent": null, "data_disk_gib": 100, "on_shelf": false});
    let changed = yard.ask("operator", "PATCH", path, change).await;
    assert_eq!((changed.status, changed.tag.as_deref()), (200, Some("\"2\"")), "{}", changed.body);
    let now = yard.ask("viewer", "GET", path, Value::Null).await.body;
    assert_eq!(
        (&now["price"], &now["core_percent"], &now["data_disk_gib"], &now["gpu_memory_mib"]),
        (&json!(100_000), &Value::Null, &json!(100), &json!(20_480))
    );
    // Whoever looked before that changes nothing.
    for method in ["PATCH", "DELETE"] {
        let late = yard.ask_if("operator", &format!("{method} {path}"), "\"1\"", json!({"price": 1})).await;
        assert_eq!((late.status, &late.body["code"]), (412, &json!("stale")), "{}", late.body);
    }
    let removed = yard.ask_if("operator", &format!("DELETE {path}"), "\"2\"", Value::Null).await;
    assert_eq!(removed.status, 204, "{}", removed.body);
    assert_eq!(yard.ask("operator", "GET", path, Value::Null).await.status, 404);
    let actions = yard.actions().await;
    assert_eq!(
        actions,
        [
            "spec.remove done",
            "spec.remove refused",
            "spec.change refused",
            "spec.change done",
            "spec.create done"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_faults_are_told_at_once_in_both_languages() {
    let yard = Yard::new().await;
    let wrong = json!({"name": "", "vendor": "nvidia", "gpu_count": 2, "memory_split": true, "cpu_milli": 0, "memory_mib": 1024});
    let told = yard.ask("operator", "POST", "/library/specs", wrong.clone()).await;
    assert_eq!(
        (told.status, &told.body["code"], &told.body["field"]),
        (400, &json!("bad-field"), &json!("name"))
    );
    let fields: Vec<&str> = told.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["name", "cpu_milli", "gpu_count", "gpu_memory_mib"]);
    assert_eq!(
        told.body["errors"][2]["detail"],
        "a part is of one card: `gpu_count` is 1 where `memory_split` is set"
    );
    let chinese = yard.ask_in_chinese("operator", "POST", "/library/specs", wrong).await;
    assert_eq!(
        chinese.body["errors"][2]["detail"],
        "切分只针对一张卡：`memory_split` 打开时 `gpu_count` 应为 1"
    );
    assert!(
        chinese.body["detail"].as_str().unwrap().starts_with("名称为 1 到 100 个可见字符；"),
        "{}",
        chinese.body
    );
    assert_eq!(yard.ask("operator", "GET", "/library/specs", Value::Null).await.body["specs"], json!([]));
    // A field that is none.
    let mut unknown = part();
    unknown["privileged"] = json!(true);
    assert_eq!(yard.ask("operator", "POST", "/library/specs", unknown).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_taken_once() {
    let yard = Yard::new().await;
    assert_eq!(yard.ask("operator", "POST", "/library/specs", part()).await.status, 201);
    let again = yard.ask("operator", "POST", "/library/specs", part()).await;
    assert_eq!(
        (again.status, &again.body["code"], &again.body["field"]),
        (409, &json!("exists"), &json!("name"))
    );
    let mut other = part();
    other["name"] = json!("other");
    let other = yard.ask("operator", "POST", "/library/specs", other).await.body["id"].to_string();
    let renamed = yard
        .ask("operator", "PATCH", &format!("/library/specs/{other}"), json!({"name": part()["name"]}))
        .await;
    assert_eq!((renamed.status, &renamed.body["code"]), (409, &json!("exists")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_off_the_shelf_is_for_those_who_manage_it() {
    let yard = Yard::new().await;
    for (name, on_shelf) in [("a", true), ("b", false), ("c", true)] {
        let mut spec = part();
        spec["name"] = json!(name);
        spec["on_shelf"] = json!(on_shelf);
        assert_eq!(yard.ask("operator", "POST", "/library/specs", spec).await.status, 201);
    }
    let names = async |user: &str, query: &str| {
        let list = yard.ask(user, "GET", &format!("/library/specs?{query}"), Value::Null).await.body;
        let names =
            list["specs"].as_array().unwrap().iter().map(|spec| spec["name"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>().join(" "), list["next"].as_str().map(str::to_owned))
    };
    assert_eq!(names("operator", "").await.0, "a b c");
    assert_eq!(names("user", "").await.0, "a c");
    assert_eq!(names("user", "on_shelf=false").await.0, "a c", "it is not theirs to say");
    assert_eq!(names("operator", "on_shelf=false").await.0, "b");
    assert_eq!(names("operator", "n=2").await, ("a b".to_owned(), Some("b".to_owned())));
    assert_eq!(names("operator", "n=2&last=b").await, ("c".to_owned(), None));
    assert_eq!(names("operator", "vendor=ascend").await.0, "");
    assert_eq!(names("operator", "search=B&memory_split=true").await.0, "b");
    assert_eq!(
        yard.ask("operator", "GET", "/library/specs?vendor=x", Value::Null).await.body["field"],
        "vendor"
    );
    assert_eq!(yard.ask("user", "GET", "/library/specs/2", Value::Null).await.status, 404);
    for (id, status) in [("1", 200), ("9", 404), ("0", 404), ("x", 404), ("-1", 404)] {
        assert_eq!(
            yard.ask("user", "GET", &format!("/library/specs/{id}"), Value::Null).await.status,
            status,
            "{id}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_operators_and_admins_manage_specs() {
    let yard = Yard::new().await;
    yard.ask("operator", "POST", "/library/specs", part()).await;
    for role in Role::ALL {
        let may = role >= Role::Operator;
        for (method, path) in
            [("POST", "/library/specs"), ("PATCH", "/library/specs/1"), ("DELETE", "/library/specs/9")]
        {
            let status = yard.ask(role.as_str(), method, path, json!({})).await.status;
            assert_eq!(status != 403, may, "{role} {method} {path}: {status}");
        }
    }
}
