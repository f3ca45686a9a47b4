//! Entries of the image library over the JSON API: who may, what is told, what is checked, and what becomes of logins.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use entrepot_catalog::Catalog;
use entrepot_testkit::{Action, Fault, Match, TestImage};
use serde_json::{Value, json};
use support::library::Yard;

const ENTRIES: &str = "/library/entries";

async fn added(yard: &Yard, body: Value) -> Value {
    let made = yard.ask("operator", "POST", ENTRIES, body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.body
}

async fn get(yard: &Yard, user: &str, path: &str) -> Value {
    yard.ask(user, "GET", &format!("{ENTRIES}{path}"), Value::Null).await.body
}

fn names(list: &Value) -> String {
    let all = list["entries"].as_array().unwrap().iter();
    all.map(|entry| entry["name"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

// A file of a layer as tar has it.
fn file(path: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    header[..path.len()].copy_from_slice(path.as_bytes());
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[156] = b'0';
    header[257..263].copy_from_slice(b"ustar\0");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut all = header.to_vec();
    all.extend_from_slice(content);
    all.resize(all.len().next_multiple_of(512), 0);
    all
}

fn cuda_image() -> TestImage {
    let lower = file("lib/x86_64-linux-gnu/libc-2.31.so", b"elf");
    let upper = file("usr/local/cuda-12.4/lib64/libcudart.so.12.4.127", b"elf");
    TestImage::layers([lower.into(), upper.into()])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_added_changed_and_removed() {
    let yard = Yard::new().await;
    let made = yard.ask("operator", "POST", ENTRIES, json!({"address": "nginx:1.27"})).await;
    assert_eq!((made.status, made.tag.as_deref()), (201, Some("\"1\"")), "{}", made.body);
    let entry = &made.body;
    assert_eq!(
        (&entry["id"], &entry["name"], &entry["image"]),
        (&json!(1), &json!("nginx:1.27"), &json!("docker.io/library/nginx:1.27"))
    );
    assert_eq!((&entry["on_shelf"], &entry["memory_split"]), (&json!(true), &json!(false)));
    assert_eq!(entry["created_by"], "account:operator");
    let change = json!({"name": "网站", "remark": "a\nb", "on_shelf": false});
    let changed = yard.ask("operator", "PATCH", "/library/entries/1", change).await;
    assert_eq!((changed.status, changed.tag.as_deref()), (200, Some("\"2\"")), "{}", changed.body);
    // By its name as well.
    let now = get(&yard, "operator", "/%E7%BD%91%E7%AB%99").await;
    assert_eq!((&now["remark"], &now["address"]), (&json!("a\nb"), &json!("nginx:1.27")));
    for method in ["PATCH", "DELETE"] {
        let late = yard
            .ask_if("operator", &format!("{method} /library/entries/1"), "\"1\"", json!({"remark": "x"}))
            .await;
        assert_eq!((late.status, &late.body["code"]), (412, &json!("stale")), "{}", late.body);
    }
    let removed = yard.ask_if("operator", "DELETE /library/entries/1", "\"2\"", Value::Null).await;
    assert_eq!(removed.status, 204, "{}", removed.body);
    let gone = yard.ask("operator", "GET", "/library/entries/1", Value::Null).await;
    assert_eq!((gone.status, &gone.body["detail"]), (404, &json!("there is no entry `1`")));
    assert_eq!(
        yard.actions().await,
        [
            "entry.remove done",
            "entry.remove refused",
            "entry.change refused",
            "entry.change done",
            "entry.create done"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn several_versions_of_an_image_have_entries_of_their_own() {
    let yard = Yard::new().await;
    for tag in ["1.26", "1.27"] {
        added(&yard, json!({"name": "nginx", "address": format!("nginx:{tag}")})).await;
    }
    let told = yard.ask("operator", "GET", "/library/entries/nginx", Value::Null).await;
    assert_eq!((told.status, &told.body["hint"]), (409, &json!("name it by its id: 1, 2")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_off_the_shelf_is_not_offered() {
    let yard = Yard::new().await;
    added(&yard, json!({"name": "on", "address": "a:1"})).await;
    added(&yard, json!({"name": "off", "address": "b:1", "on_shelf": false})).await;
    for (user, seen) in [("operator", "off on"), ("viewer", "off on"), ("user", "on")] {
        let list = get(&yard, user, "").await;
        assert_eq!(
            (names(&list).as_str(), &list["total"]),
            (seen, &json!(seen.split(' ').count())),
            "{user}"
        );
    }
    assert_eq!(names(&get(&yard, "user", "?on_shelf=false").await), "");
    let hidden = yard.ask("user", "GET", "/library/entries/off", Value::Null).await;
    assert_eq!(hidden.status, 404, "{}", hidden.body);
    for (method, path) in
        [("POST", ENTRIES), ("PATCH", "/library/entries/1"), ("DELETE", "/library/entries/1")]
    {
        let refused = yard.ask("user", method, path, json!({"address": "c"})).await;
        assert_eq!(refused.status, 403, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_found_and_come_in_pages() {
    let yard = Yard::new().await;
    for (name, address, source) in [
        ("torch", "quay.io/ml/torch:2.4", "Quay"),
        ("nginx", "nginx:1", "Hub"),
        ("Torch", "local/torch:1", ""),
    ] {
        added(&yard, json!({"name": name, "address": address, "source": source})).await;
    }
    for (query, found) in [
        ("?search=torch", "Torch torch"),
        ("?address=quay.io", "torch"),
        ("?source=hub", "nginx"),
        ("?sort=name", "Torch nginx torch"),
        ("?sort=-name&n=2", "torch nginx"),
        ("?sort=created", "torch nginx Torch"),
        ("?status=not-mirrored&accelerator=none", ""),
    ] {
        assert_eq!(names(&get(&yard, "viewer", query).await), found, "{query}");
    }
    let page = get(&yard, "viewer", "?sort=name&n=2").await;
    assert_eq!((&page["more"], &page["total"], &page["next"]), (&json!(true), &json!(3), &json!("2/nginx")));
    let page = get(&yard, "viewer", "?sort=name&n=2&last=2/nginx").await;
    assert_eq!((names(&page).as_str(), &page["more"]), ("torch", &json!(false)));
    for (query, field) in
        [("?sort=size", "sort"), ("?status=good", "status"), ("?last=x", "last"), ("?n=0", "n")]
    {
        let told = yard.ask("viewer", "GET", &format!("{ENTRIES}{query}"), Value::Null).await;
        assert_eq!((told.status, &told.body["field"]), (400, &json!(field)), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_names_its_fields_in_both_languages() {
    let yard = Yard::new().await;
    let wrong = json!({"name": "a\u{7}", "address": "u:SECRET/x@quay.io/a", "source": "x".repeat(256)});
    let told = yard.ask("operator", "POST", ENTRIES, wrong.clone()).await;
    assert_eq!((told.status, &told.body["field"]), (400, &json!("name")), "{}", told.body);
    let details: Vec<_> =
        told.body["errors"].as_array().unwrap().iter().map(|one| one["detail"].as_str().unwrap()).collect();
    assert_eq!(
        details,
        [
            "`name`: it has characters that cannot be shown",
            "`address`: `/` and `@` in a user name or password must be written `%2F` and `%40`",
            "`source`: it has more than 255 characters",
        ]
    );
    let chinese = yard.ask_in_chinese("operator", "POST", ENTRIES, wrong).await;
    assert_eq!(
        chinese.body["errors"][1]["detail"],
        "`address`：用户名或密码中的 `/` 和 `@` 须写成 `%2F` 和 `%40`"
    );
    assert!(!format!("{}{}", told.body, chinese.body).contains("SECRET"));
    for unknown in [json!({"adress": "a"}), json!({}), json!([])] {
        assert_eq!(yard.ask("operator", "POST", ENTRIES, unknown).await.status, 400);
    }
    assert_eq!(get(&yard, "operator", "").await["total"], 0, "nothing half-created");
}

async fn credentials(catalog: &Catalog) -> String {
    let all = catalog.credentials("", 10).await.unwrap().rows;
    all.iter().map(|one| format!("{} {}", one.name, one.username)).collect::<Vec<_>>().join(", ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_an_address_becomes_a_credential_and_goes_with_its_last_entry() {
    let yard = Yard::new().await;
    let with = |login: &str, tag: &str| json!({"address": format!("{login}quay.io/acme/app:{tag}")});
    let entry = added(&yard, with("robot:canary%2F1@", "1")).await;
    assert_eq!(
        (&entry["address"], &entry["credential"]),
        (&json!("quay.io/acme/app:1"), &json!("library/quay.io/acme/app"))
    );
    assert_eq!(credentials(&yard.catalog).await, "library/quay.io/acme/app robot");
    // Who does not manage the library learns nothing of it.
    assert_eq!(get(&yard, "user", "/1").await["credential"], Value::Null);
    // Another version stands on the same one; another login replaces it.
    added(&yard, with("", "2")).await;
    let change = json!({"address": "other:canary-2@quay.io/acme/app:3"});
    let changed = yard.ask("operator", "PATCH", "/library/entries/2", change).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(credentials(&yard.catalog).await, "library/quay.io/acme/app other");
    yard.ask("operator", "DELETE", "/library/entries/1", Value::Null).await;
    assert_eq!(credentials(&yard.catalog).await, "library/quay.io/acme/app other");
    let change = json!({"address": "quay.io/acme/other:1"});
    yard.ask("operator", "PATCH", "/library/entries/2", change).await;
    assert_eq!(credentials(&yard.catalog).await, "", "no entry stands on it any more");
    // A login that no registry could read.
    let refused = yard.ask("operator", "POST", ENTRIES, with(&format!("{}:x@", "u".repeat(1100)), "1")).await;
    assert_eq!((refused.status, &refused.body["field"]), (400, &json!("address")), "{}", refused.body);
    let audit = format!("{:?}", yard.catalog.audit(&Default::default(), 100).await.unwrap());
    assert!(
        audit.contains("address: quay.io/acme/app:1, with a login") && !audit.contains("canary"),
        "{audit}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_finds_platforms_sizes_and_what_is_in_the_layers() {
    let yard = Yard::new().await;
    let image = TestImage::index([
        TestImage::random(7, 1, 900).with_platform("linux/arm64"),
        cuda_image().with_platform("linux/amd64"),
    ]);
    yard.rig.upstream.put_image("ml/torch", "2.4", &image);
    let entry = json!({"address": "ml/torch:2.4", "memory_split": true});
    added(&yard, entry).await;
    let check = async |query: &str| {
        let path = format!("{ENTRIES}/1/check{query}");
        let told = yard.ask("operator", "POST", &path, Value::Null).await;
        assert_eq!(told.status, 200, "{}", told.body);
        told.body
    };
    let found = check("").await;
    let seen = &found["check"];
    assert_eq!((&seen["status"], &seen["digest"]), (&json!("ok"), &json!(image.digest().to_string())));
    assert_eq!(seen["platforms"][0]["platform"], "linux/amd64", "what most nodes have comes first");
    assert!(seen["size"].as_u64().unwrap() > 900, "{seen}");
    // The layers are not held, so nobody knows.
    assert_eq!((&seen["split"], &found["advice"][0]["code"]), (&json!("unknown"), &json!("split-unknown")));
    let fetched = check("?fetch=true").await;
    let seen = &fetched["check"];
    assert_eq!((&seen["split"], &seen["accelerator"]), (&json!("ok"), &json!("nvidia")));
    assert_eq!(
        seen["contents"],
        json!({"libc": "glibc", "libc_version": "2.31", "cuda": "12.4", "sshd": false, "complete": true})
    );
    assert_eq!((&fetched["advice"], &fetched["revision"]), (&json!([]), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_are_not_there_are_told_apart() {
    let yard = Yard::new().await;
    yard.rig.upstream.put_image("library/gone", "1", &cuda_image());
    yard.rig.upstream.put_image(
        "library/chart",
        "1",
        &TestImage::random(3, 1, 9).artifact("application/x-chart"),
    );
    yard.rig
        .upstream
        .fault(Fault::on(Match::any().path("library/limited")).then(Action::status(429)).always());
    yard.rig
        .upstream
        .fault(Fault::on(Match::any().path("library/broken")).then(Action::status(500)).always());
    yard.rig
        .upstream
        .fault(Fault::on(Match::any().path("library/denied")).then(Action::status(403)).always());
    for (address, status) in [
        ("gone:1", "ok"),
        ("gone:2", "not-found"),
        ("chart:1", "invalid"),
        ("broken:1", "unreachable"),
        ("denied:1", "denied"),
        ("registry.company.com/ml/tensorflow:2.10.0-gpu", "not-mirrored"),
        ("local/app:1", "not-found"),
        // Last: a registry that limits us is left alone for a while.
        ("limited:1", "rate-limited"),
    ] {
        let id = added(&yard, json!({"address": address})).await["id"].clone();
        let told = yard.ask("operator", "POST", &format!("{ENTRIES}/{id}/check"), Value::Null).await;
        assert_eq!(
            (told.status, &told.body["check"]["status"]),
            (200, &json!(status)),
            "{address} {}",
            told.body
        );
    }
    // What was found before stays when a registry is away.
    yard.rig.upstream.stop().await;
    yard.rig.clock.advance(std::time::Duration::from_secs(60 * 60 * 24));
    let told = yard.ask("operator", "POST", &format!("{ENTRIES}/1/check"), Value::Null).await;
    let seen = &told.body["check"];
    assert_eq!((&seen["status"], seen["platforms"].as_array().unwrap().len()), (&json!("unreachable"), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_written_and_read_back() {
    let yard = Yard::new().await;
    added(&yard, json!({"name": "=cmd|x", "address": "u:canary@quay.io/a:1", "remark": "a,\"b\"\nc"})).await;
    added(&yard, json!({"name": "off", "address": "nginx:1.27", "on_shelf": false})).await;
    let export = async |user: &str, form: &str| {
        let headers = [("host", "m.test"), ("authorization", &support::account::basic(user))];
        yard.rig.get_with(&format!("/api/v1/library/entries/export?format={form}"), &headers).await
    };
    let csv = export("operator", "csv").await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(!csv.text().contains("canary") && !export("user", "csv").await.text().contains("nginx"));
    assert_eq!(
        csv.text().lines().next().unwrap(),
        "\u{feff}id,name,address,description,source,memory_split,on_shelf,remark"
    );
    assert!(csv.text().contains("\r\n1,'=cmd|x,quay.io/a:1,"), "{}", csv.text());
    for (form, document) in [("csv", csv.text()), ("json", export("operator", "json").await.text())] {
        let told = import(&yard, &format!("format={form}"), document.as_bytes()).await;
        assert_eq!(told, (200, json!({"added": 0, "changed": 2, "dry_run": false})), "{form}");
    }
    let entry = get(&yard, "operator", "/1").await;
    assert_eq!((&entry["name"], &entry["remark"]), (&json!("=cmd|x"), &json!("a,\"b\"\nc")));
    assert_eq!(entry["credential"], "library/quay.io/a", "it still stands on its login");
}

async fn import(yard: &Yard, query: &str, document: &[u8]) -> (u16, Value) {
    let headers = [("host", "m.test"), ("authorization", &support::account::basic("operator"))];
    let path = format!("/api/v1/library/entries/import?{query}");
    let answer = yard.rig.send("POST", &path, &headers, document.to_vec()).await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_with_a_fault_imports_nothing_and_tells_all_of_them() {
    let yard = Yard::new().await;
    added(&yard, json!({"name": "web", "address": "nginx:1.27"})).await;
    let document = "名字,地址,是否上架,id\nweb,docker.io/library/nginx:1.27,是,\nx,u:SECRET/y@a.io/b,maybe,\n\
                    y,python:3,否,\ny,library/python:3,,\nz,busybox:1,,99\n,busybox:2,,1\n";
    let (status, told) = import(&yard, "format=csv", document.as_bytes()).await;
    let details: Vec<_> =
        told["errors"].as_array().unwrap().iter().map(|one| one["detail"].as_str().unwrap()).collect();
    assert_eq!(status, 400);
    assert_eq!(
        details,
        [
            "line 2, `address`: entry 1 has this name and this image already; give its id to change it",
            "line 3, `address`: `/` and `@` in a user name or password must be written `%2F` and `%40`",
            "line 3, `on_shelf`: it is neither `true` nor `false`",
            "line 5, `address`: it is the same as in line 4",
            "line 6, `id`: there is no entry with this id; leave it empty to add one",
            "line 7, `name`: an entry needs a name",
        ]
    );
    assert!(!told.to_string().contains("SECRET"));
    assert_eq!(get(&yard, "operator", "").await["total"], 1);
    let good = "地址,名字\nr:canary@quay.io/acme/app:1,\nnginx:1.28,web 2\n";
    let (_, trial) = import(&yard, "format=csv&dry_run=true", good.as_bytes()).await;
    assert_eq!(trial, json!({"added": 2, "changed": 0, "dry_run": true}));
    assert_eq!(
        (get(&yard, "operator", "").await["total"].as_u64(), credentials(&yard.catalog).await.as_str()),
        (Some(1), "")
    );
    assert_eq!(import(&yard, "format=csv", good.as_bytes()).await.0, 200);
    assert_eq!(names(&get(&yard, "operator", "?sort=created").await), "web app:1 web 2");
    assert_eq!(credentials(&yard.catalog).await, "library/quay.io/acme/app r");
    let (status, told) = import(&yard, "format=csv", b"name,adress\n").await;
    assert_eq!((status, &told["detail"]), (400, &json!("there is no column `adress`")));
}
