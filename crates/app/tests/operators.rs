//! What operators are told by a server: events by webhooks, and where time goes by traces.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeMap;

use entrepot_testkit::{Receiver, TestImage, TestRegistry, client};
use serde_json::{Value, json};
use support::{Lab, Ran};

fn run(lab: &Lab, arguments: &[&str]) -> Ran {
    tokio::task::block_in_place(|| lab.run(arguments))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_is_told_in_a_chat_and_to_a_program() {
    let source = TestRegistry::start().await;
    source.put_image("a", "1", &TestImage::random(1, 1, 100));
    let (program, chat) =
        (Receiver::start(200, "").await, Receiver::start(200, r#"{"errcode":0,"errmsg":"ok"}"#).await);
    // Nothing listens on port 1.
    let lab = Lab::with(&format!(
        "webhooks:
  - {{name: pager, url: \"env:PAGER\", secret: a long enough secret, private_network: true}}
  - {{name: chat, url: \"{}?key=CANARY\", format: wecom, on: [sync.failed], private_network: true}}
registries: {{'127.0.0.1:1': {{endpoints: [\"http://127.0.0.1:1\"]}}, '{host}': {{endpoints: [\"{}\"]}}}}
sync: [{{name: base, from: {host}/a, to: ['127.0.0.1:1/a']}}]
",
        chat.url(),
        source.url(),
        host = source.host(),
    ));
    let serving = lab.serve_with(&[], &[("PAGER", &program.url())]);
    let failed = run(&lab, &["sync", "run", "base", "--wait"]);
    assert_eq!(failed.code, 1, "{}", failed.stderr);
    let told: Value = serde_json::from_str(&program.next().await.body).unwrap();
    assert_eq!((&told["type"], &told["data"]["rule"]), (&json!("sync.failed"), &json!("base")));
    let said: Value = serde_json::from_str(&chat.next().await.body).unwrap();
    assert!(said["text"]["content"].as_str().unwrap().contains("同步规则 `base` 失败"), "{said}");

    let tested = run(&lab, &["webhooks", "test", "chat"]);
    assert_eq!((tested.code, tested.stdout.as_str()), (0, "`chat` has taken the test\n"));
    assert!(chat.next().await.body.contains("测试"));
    program.answer(500, "");
    let tested = run(&lab, &["webhooks", "test", "pager"]);
    assert_eq!(tested.code, 1);
    assert!(
        tested.stderr.starts_with("error: `pager` has not taken the test: status 500\n"),
        "{}",
        tested.stderr
    );
    let listed = run(&lab, &["webhooks", "ls"]);
    assert!(listed.stdout.contains("chat") && listed.stdout.contains("wecom"), "{}", listed.stdout);
    let failed = run(&lab, &["webhooks", "deliveries", "pager", "--status", "failed", "--output", "json"]);
    let failed: Value = serde_json::from_str(&failed.stdout).unwrap();
    let id = failed["deliveries"][0]["id"].as_str().unwrap();
    program.answer(200, "");
    let again = run(&lab, &["webhooks", "redeliver", id]);
    assert_eq!((again.code, again.stdout.as_str()), (0, "`test` is sent to `pager` once more\n"));
    // The refused test, and the same once more.
    let (first, second) = (program.next().await, program.next().await);
    assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
    let unknown = run(&lab, &["webhooks", "test", "nobody"]);
    assert!(unknown.stderr.contains("there is no webhook `nobody`"), "{}", unknown.stderr);
    let shown = tokio::task::block_in_place(|| {
        let mut command = lab.command(&["config", "show"]);
        command.env("PAGER", program.url());
        support::ran(command)
    });
    let log = tokio::task::block_in_place(|| serving.stop());
    for text in [&log, &listed.stdout, &shown.stdout] {
        assert!(!text.contains("CANARY") && !text.contains("a long enough secret"), "{text}");
    }
}

/// A span as the collector gets it.
struct Span {
    name: String,
    trace: String,
    id: String,
    parent: Option<String>,
    attributes: BTreeMap<String, Value>,
}

fn spans(body: &str) -> Vec<Span> {
    let body: Value = serde_json::from_str(body).unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let read = |span: &Value| Span {
        name: text(&span["name"]).unwrap(),
        trace: text(&span["traceId"]).unwrap(),
        id: text(&span["spanId"]).unwrap(),
        parent: text(&span["parentSpanId"]),
        attributes: span["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (text(&one["key"]).unwrap(), one["value"].clone()))
            .collect(),
    };
    body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().iter().map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_is_one_trace_from_the_client_to_the_registry() {
    let (upstream, collector) = (TestRegistry::start().await, Receiver::start(200, "{}").await);
    let image = TestImage::random(1, 1, 100_000);
    upstream.put_image("a/b", "1", &image);
    let lab = Lab::with(&format!(
        "tracing: {{otlp: \"http://127.0.0.1:{}\"}}\nregistries: {{upstream.test: {{endpoints: [\"{}\"], mirror: true}}}}\n",
        collector.port(),
        upstream.url()
    ));
    let serving = lab.serve(&[]);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let headers = [("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let url = format!("{}/v2/upstream.test/a/b/manifests/1", serving.url);
    assert_eq!(client::get_with(&url, &headers).await.status, 200);
    let (layer, _) = image.blobs().iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let url = format!("{}/v2/upstream.test/a/b/blobs/{layer}", serving.url);
    assert_eq!(client::get_with(&url, &headers).await.status, 200);
    let mut found = Vec::new();
    let is_whole = |found: &[Span]| {
        let count = |name: &str| found.iter().filter(|span| span.name == name).count();
        count("request") >= 2 && count("upstream") >= 3 && count("fill") == 1
    };
    while !is_whole(&found) {
        found.extend(spans(&collector.next().await.body));
    }
    found.retain(|span| span.trace == trace);
    let requests: Vec<_> = found.iter().filter(|span| span.name == "request").collect();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert_eq!(request.parent.as_deref(), Some("b7ad6b7169203331"));
        assert_eq!(request.attributes["http.response.status_code"], json!({"intValue": "200"}));
    }
    let fill = found.iter().find(|span| span.name == "fill").unwrap();
    assert!(requests.iter().any(|request| Some(&request.id) == fill.parent.as_ref()));
    let below: Vec<_> = found.iter().filter(|span| span.parent.as_ref() == Some(&fill.id)).collect();
    assert!(below.iter().any(|span| span.name == "upstream"), "the blob was fetched for the download");
    assert!(found.iter().all(|span| !span.attributes.contains_key("traceparent")));
    tokio::task::block_in_place(|| serving.stop());
}
