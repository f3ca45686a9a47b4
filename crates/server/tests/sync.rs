//! The API, events and pages of syncs, over a scheduler whose work is in the hands of the test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use entrepot_catalog::{Catalog, Claim, Copy, CopyOutcome, Instance, InstanceId, Location, RunCopy};
use entrepot_oci::Digest;
use entrepot_scheduler::{
    Executor, RunEvent, Scheduler, SchedulerMetrics, SchedulerParts, Task, Update, Watch,
};
use entrepot_server::{ApiToken, SyncService};
use entrepot_sync::rules::{RuleSection, RuleSet};
use serde_json::{Value, json};
use support::{Rig, Setup};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{mpsc, oneshot},
};

const PATIENCE: Duration = Duration::from_secs(20);
const RULES: &str = r#"[
  {"name": "sglang", "title": "SGLANG <发行镜像>", "category": "推理", "from": "docker.io/lmsysorg/sglang",
   "notes": ["只有 **CANN** 标签"], "usage": "`quay.io` 在公网",
   "to": [{"repository": "quay.io/ascend/sglang", "note": "Quay.io 组织"}], "schedule": "@hourly"},
  {"name": "base", "from": "quay.io/ascend/{cann,python}", "to": ["swr.example.com/x/{name}"]}
]"#;

type Finish = oneshot::Sender<Result<(), String>>;

/// A server whose syncs the test carries out.
struct Desk {
    rig: Rig,
    scheduler: Scheduler,
    ordered: mpsc::UnboundedReceiver<(Task, Finish)>,
    _dir: tempfile::TempDir,
}

impl Desk {
    async fn open(token: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sections: Vec<RuleSection> = serde_json::from_str(RULES).unwrap();
        let (orders, ordered) = mpsc::unbounded_channel();
        let executor: Executor = Arc::new(move |order| {
            let (finish, finished) = oneshot::channel();
            drop(orders.send((order, finish)));
            Box::pin(async move { finished.await.unwrap_or(Ok(())) })
        });
        let catalog = Catalog::open(&Location::Sqlite(dir.path().join("catalog.db"))).await.unwrap();
        let instance =
            Instance { id: InstanceId::new(), name: "a test".to_owned(), started: SystemTime::now() };
        let Claim::Ours(lock) = catalog.claim(&instance).await.unwrap() else { panic!("it is locked") };
        let parts = SchedulerParts {
            catalog,
            instance,
            lock,
            rules: RuleSet::check(&sections).unwrap(),
            executor,
            metrics: SchedulerMetrics::default(),
            events: Default::default(),
            clock: Arc::new(SystemTime::now),
        };
        let scheduler = Scheduler::open(parts).await.unwrap();
        let (sync, token) = (SyncService::new(scheduler.clone()), token.map(ApiToken::new));
        let rig = Rig::start_with(Setup { sync: Some(sync), token, ..Setup::default() }).await;
        Self { rig, scheduler, ordered, _dir: dir }
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.rig.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        answer.json()
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
        let answer = self.rig.send("POST", path, headers, body.to_owned()).await;
        (answer.status.as_u16(), answer.json())
    }

    async fn ordered(&mut self) -> (Task, Finish) {
        tokio::time::timeout(PATIENCE, self.ordered.recv()).await.unwrap().unwrap()
    }

    /// Runs `sglang` with these copies, and waits for its end.
    async fn run(&mut self, copies: Vec<RunCopy>) -> String {
        let mut watch = self.scheduler.watch().unwrap();
        let (status, answer) = self.post("/api/v1/sync/rules/sglang/run", &[], "").await;
        assert_eq!((status, &answer["outcome"]), (202, &json!("started")));
        let (order, finish) = self.ordered().await;
        copies.into_iter().for_each(|copy| order.updates.send(Update::Settled(Box::new(copy))).unwrap());
        drop(order);
        finish.send(Ok(())).unwrap();
        until_ended(&mut watch).await;
        answer["run"].as_str().unwrap().to_owned()
    }
}

async fn until_ended(watch: &mut Watch) {
    let ended = async { while !matches!(*watch.next().await.unwrap().unwrap().event, RunEvent::Ended(_)) {} };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
}

fn copy(tag: &str, outcome: CopyOutcome) -> RunCopy {
    let failed = outcome == CopyOutcome::Failed;
    RunCopy {
        copy: Copy {
            source: "docker.io/lmsysorg/sglang".into(),
            reference: tag.into(),
            target: "quay.io/ascend/sglang".into(),
            target_reference: tag.into(),
        },
        digest: Some(Digest::of(tag.as_bytes())),
        outcome,
        problem: failed.then(|| "`quay.io` says <denied>".into()),
        hint: failed.then(|| "log in".into()),
        written: 0,
        mounted: 0,
        present: 0,
        took: Duration::ZERO,
    }
}

/// A listener that reads events from a socket of its own.
struct Events {
    stream: TcpStream,
    text: String,
}

impl Events {
    async fn open(rig: &Rig) -> Self {
        Self::request(rig, "").await
    }

    async fn open_for(rig: &Rig, address: &str) -> Self {
        Self::request(rig, &format!("x-forwarded-for: {address}\r\n")).await
    }

    async fn request(rig: &Rig, more: &str) -> Self {
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        let request = format!("GET /api/v1/sync/events HTTP/1.1\r\nhost: x\r\n{more}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Self { stream, text: String::new() }
    }

    async fn until(&mut self, end: &str) {
        let mut buffer = [0; 4096];
        while !self.text.contains(end) {
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer)).await.unwrap().unwrap();
            assert_ne!(read, 0, "the server has closed: {}", self.text);
            self.text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    }

    fn kinds(&self) -> Vec<&str> {
        self.text.lines().filter_map(|line| line.strip_prefix("event: ")).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_runs_are_told() {
    let mut desk = Desk::open(None).await;
    let rules = desk.json("/api/v1/sync/rules").await;
    assert_eq!(rules["refused"], Value::Null);
    assert_eq!(rules["rules"][0]["name"], "sglang");
    assert_eq!(rules["rules"][0]["schedule"], "@hourly");
    assert_eq!(rules["rules"][1]["sources"][1]["to"], json!(["swr.example.com/x/python"]));
    assert_eq!(rules["rules"][1]["next"], Value::Null);
    let run = desk.run(vec![copy("1", CopyOutcome::Equal), copy("2", CopyOutcome::Failed)]).await;
    let rules = desk.json("/api/v1/sync/rules").await;
    assert_eq!(rules["rules"][0]["last"]["id"], run.as_str());
    assert_eq!(rules["rules"][0]["copies"]["in_sync"], 1);
    let runs = desk.json("/api/v1/sync/runs?rule=sglang&n=1").await;
    assert_eq!((&runs["runs"][0]["outcome"], &runs["more"]), (&json!("failed"), &json!(false)));
    assert_eq!(desk.json("/api/v1/sync/runs?rule=base").await["runs"], json!([]));
    let detail = desk.json(&format!("/api/v1/sync/runs/{run}")).await;
    assert_eq!(detail["changes"][0]["problem"], "`quay.io` says <denied>");
    assert_eq!((&detail["copies"]["equal"], &detail["progress"]), (&json!(1), &Value::Null));
    let state = desk.json("/api/v1/sync/state?rule=sglang&n=1").await;
    assert_eq!((&state["copies"][0]["reference"], &state["more"]), (&json!("1"), &json!(true)));
    let next = "/api/v1/sync/state?rule=sglang&source=docker.io%2Flmsysorg%2Fsglang&reference=1";
    assert_eq!(desk.json(next).await["copies"][0]["reference"], "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_joined_and_stopped() {
    let mut desk = Desk::open(None).await;
    let body = r#"{"image": "docker.io/lmsysorg/sglang:v1"}"#;
    let (status, started) = desk.post("/api/v1/sync/rules/sglang/run", &[], body).await;
    assert_eq!(status, 202);
    let (order, finish) = desk.ordered().await;
    assert_eq!(order.part.to_string(), "docker.io/lmsysorg/sglang:v1");
    let (status, joined) = desk.post("/api/v1/sync/rules/sglang/run", &[], body).await;
    assert_eq!((status, &joined["outcome"], &joined["run"]), (202, &json!("joined"), &started["run"]));
    let (status, busy) = desk.post("/api/v1/sync/rules/sglang/run", &[], "").await;
    let run = started["run"].as_str().unwrap();
    assert_eq!((status, &busy["detail"]), (409, &json!("rule `sglang` is running for another image")));
    assert_eq!(
        busy["hint"],
        format!("wait for run `{run}`, or stop it: `POST /api/v1/sync/runs/{run}/cancel`")
    );
    let (status, answer) = desk.post(&format!("/api/v1/sync/runs/{run}/cancel"), &[], "").await;
    assert_eq!((status, &answer["outcome"]), (202, &json!("cancelling")));
    order.cancel.cancelled().await;
    let mut watch = desk.scheduler.watch().unwrap();
    drop((order, finish));
    until_ended(&mut watch).await;
    let (status, answer) = desk.post(&format!("/api/v1/sync/runs/{run}/cancel"), &[], "").await;
    assert_eq!((status, &answer["detail"]), (409, &json!(format!("run `{run}` has ended"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said() {
    let desk = Desk::open(None).await;
    for (path, status, detail) in [
        ("/api/", 404, "there is no such address"),
        ("/api/v1/sync/", 404, "there is no such address"),
        ("/api/v1/sync/runs/xyz", 400, "`xyz` is not the id of a run"),
        ("/api/v1/sync/runs/1", 404, "there is no run `1`"),
        ("/api/v1/sync/runs?n=0", 400, "`n` must be a number from 1 to 1000"),
        ("/api/v1/sync/state", 400, "`rule` is missing"),
        ("/api/v1/sync/rules/sglang/run", 405, "the method is not one of POST"),
    ] {
        let answer = desk.rig.get(path).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["detail"]), (status, &json!(detail)), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    let run = "/api/v1/sync/rules/sglang/run";
    for (path, body, status, detail) in [
        ("/api/v1/sync/rules", "", 405, "the method is not one of GET, HEAD"),
        ("/api/v1/sync/rules/none/run", "", 404, "there is no rule `none`"),
        ("/api/v1/sync/runs/1/cancel", "", 404, "there is no run `1`"),
        (run, r#"{"image": "quay.io/a/b"}"#, 400, "rule `sglang` does not copy from `quay.io/a/b`"),
        (run, r#"{"image": "a:1", "tag": "2"}"#, 400, "`image` and `tag` name different tags"),
    ] {
        let (told, answer) = desk.post(path, &[], body).await;
        assert_eq!((told, &answer["detail"]), (status, &json!(detail)), "{path} {body}");
    }
    let (status, answer) = desk.post(run, &[], r#"{"images": "x"}"#).await;
    assert!(status == 400 && answer["detail"].as_str().unwrap().contains("unknown field `images`"));
    assert_eq!(desk.post(run, &[], &" ".repeat(5000)).await.0, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_other_sites_begin_nothing() {
    let mut desk = Desk::open(Some("t0ken")).await;
    let run = "/api/v1/sync/rules/sglang/run";
    let proxied = ("x-forwarded-for", "10.0.0.7");
    for (headers, status) in [
        (vec![], 401),
        (vec![proxied], 401),
        (vec![proxied, ("authorization", "Bearer wrong")], 401),
        (vec![("host", "m.test")], 401),
        (vec![("host", "m.example.com"), ("authorization", "Bearer t0ken")], 421),
        (vec![("origin", "https://evil.example")], 403),
        (vec![("sec-fetch-site", "cross-site"), ("authorization", "Bearer t0ken")], 403),
    ] {
        let answer = desk.rig.send("POST", run, &headers, "").await;
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
        assert!(!answer.text().contains("t0ken"));
    }
    assert!(desk.ordered.try_recv().is_err());
    let answer = desk.rig.send("POST", run, &[proxied, ("authorization", "Bearer t0ken")], "").await;
    assert_eq!(answer.status, 202);
    drop(desk.ordered().await);
}

// A04: one request that a proxy passed on, whatever became of it, and an address proves nothing any more.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_proxy_was_seen_this_machine_is_nobody() {
    let mut desk = Desk::open(None).await;
    let run = "/api/v1/sync/rules/sglang/run";
    assert_eq!(desk.post(run, &[("host", "m.test")], "").await.0, 403);
    assert_eq!(desk.post(run, &[], "").await.0, 202);
    drop(desk.ordered().await);
    assert!(desk.rig.get("/sync?lang=en").await.text().contains("data-post="));
    let seen = desk.rig.get_with("/nothing", &[("x-forwarded-for", "10.0.0.7")]).await;
    assert_eq!(seen.status, 404);
    let (status, answer) = desk.post(run, &[], "").await;
    assert_eq!(
        (status, &answer["detail"]),
        (403, &json!("only programs on the server's machine may do this"))
    );
    assert_eq!(
        answer["hint"],
        "run `entrepot sync run` there, or set `api_token` in the server's configuration"
    );
    let page = desk.rig.get("/sync?lang=en").await.text();
    assert!(page.contains(
        "Runs are begun and stopped on the server&#39;s machine, with <code>entrepot sync run NAME</code>"
    ));
    assert!(!page.contains("data-post=") && !page.contains("data-steered") && !page.contains("<dialog"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_begins_and_stops_runs_whatever_is_configured() {
    let mut desk = Desk::open(Some("t0ken")).await;
    let (status, begun) = desk.rig.ask("POST", "/api/v1/sync/rules/sglang/run").await;
    assert_eq!(status, 202, "{begun:?}");
    let (order, finish) = desk.ordered().await;
    let begun: Value = serde_json::from_slice(&begun).unwrap();
    let run = begun["run"].as_str().unwrap();
    let (status, _) = desk.rig.ask("POST", &format!("/api/v1/sync/runs/{run}/cancel")).await;
    assert_eq!(status, 202);
    order.cancel.cancelled().await;
    let (status, _) = desk.rig.ask("GET", "/api/v1/sync/rules").await;
    assert_eq!(status, 200);
    drop((order, finish));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_token_is_set_the_page_asks_for_it() {
    let desk = Desk::open(Some("t0ken")).await;
    let page = desk.rig.get_with("/sync?lang=en", &[("host", "m.test")]).await.text();
    for part in ["data-post=", "data-steered", r#"<dialog id="token">"#] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("t0ken"));
}

// A22, over connections: the 33rd listener of one address is refused, and a place is free when one leaves.
#[tokio::test(flavor = "multi_thread")]
async fn one_client_does_not_take_every_place_of_a_listener() {
    let desk = Desk::open(None).await;
    let mut listening = Vec::new();
    for _ in 0..32 {
        let mut events = Events::open(&desk.rig).await;
        events.until("event: running").await;
        listening.push(events);
    }
    let refused = desk.rig.get("/api/v1/sync/events").await;
    assert_eq!((refused.status.as_u16(), refused.json()["hint"].clone()), (429, json!("close some of them")));
    // Another one, by the word of a proxy on this machine.
    let mut other = Events::open_for(&desk.rig, "10.0.0.8").await;
    other.until("event: running").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_in_order_and_end_with_the_server() {
    let mut desk = Desk::open(None).await;
    let mut events = Events::open(&desk.rig).await;
    events.until("event: running").await;
    assert!(events.text.contains("content-type: text/event-stream") && events.text.contains("retry: 3000"));
    desk.run(vec![copy("1", CopyOutcome::Copied)]).await;
    events.until("event: ended").await;
    let kinds = events.kinds();
    assert_eq!((kinds[0], kinds[1], kinds[kinds.len() - 1]), ("running", "began", "ended"));
    assert!(kinds.contains(&"progress") && kinds.contains(&"copies"));
    let numbers: Vec<u64> =
        events.text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b));
    desk.rig.stop.cancel();
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, events.stream.read_to_end(&mut rest)).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_is_for_readers() {
    let desk = Desk::open(None).await;
    let page = desk.rig.get("/guide?lang=zh").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("http")
    );
    let text = page.text();
    for part in [
        r#"<html lang="zh">"#,
        "镜像地址指引",
        "SGLANG &lt;发行镜像&gt;",
        "推理",
        r#"docker pull quay.io/ascend/sglang:<span class="hole">[tag]</span>"#,
        "本站",
        &format!(
            r#"docker pull {}/docker.io/lmsysorg/sglang:<span class="hole">[tag]</span>"#,
            desk.rig.address
        ),
        "Quay.io 组织",
        "只有 <strong>CANN</strong> 标签",
        "<code>quay.io</code> 在公网",
        "swr.example.com/x/python",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("src=\"http") && !text.contains("href=\"http") && !text.contains(" style="));
    let english = desk.rig.get_with("/guide", &[("accept-language", "en-GB,zh;q=0.5")]).await.text();
    assert!(english.contains(r#"<html lang="en">"#) && english.contains("Image addresses"));
    for path in ["/assets/entrepot.css", "/assets/entrepot.js", "/assets/mark.svg"] {
        let asset = desk.rig.get(path).await;
        assert_eq!((asset.status.as_u16(), asset.header("x-content-type-options")), (200, Some("nosniff")));
        assert!(text.contains(&format!("{path}?v=")), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_shows_every_copy() {
    let mut desk = Desk::open(None).await;
    let before = desk.rig.get("/sync?lang=en").await.text();
    assert!(before.contains("No run has looked at this rule yet."));
    desk.run(vec![copy("v1", CopyOutcome::Equal), copy("v2", CopyOutcome::Failed)]).await;
    let page = desk.rig.get("/sync?lang=en").await.text();
    for part in [
        "behind 1/2",
        "50%",
        r#"<th scope="row">v1</th>"#,
        "<code>quay.io</code> says &lt;denied&gt;<span>log in</span>",
        r#"data-post="/api/v1/sync/rules/sglang/run""#,
        "asked for",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let one = desk.rig.get("/sync?rule=base&lang=zh").await.text();
    assert!(one.contains("base") && !one.contains("SGLANG") && one.contains("同步状态"));
    assert_eq!(desk.rig.get("/sync?rule=none").await.status, 404);
    desk.scheduler.refuse("`sync[0]`: no <name>".into(), Some("give it one".into()));
    let page = desk.rig.get("/sync?lang=en").await.text();
    assert!(page.contains("<code>sync[0]</code>: no &lt;name&gt;") && page.contains("give it one"));
}

// What people read of a page, without what is marked as code or as English.
fn read_aloud(page: &str) -> String {
    let mut text = page.split_once("<body").unwrap().1.to_owned();
    for (from, to) in [("<pre", "</pre>"), ("<code", "</code>"), (" lang=\"en\">", "</")] {
        while let Some(start) = text.find(from) {
            let end = start + text[start..].find(to).unwrap() + to.len();
            text.replace_range(start..end, " > | <");
        }
    }
    text.split('<')
        .filter_map(|part| part.split_once('>'))
        .map(|(_, text)| text)
        .collect::<Vec<_>>()
        .join("|")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_chinese_has_no_english_sentence() {
    let mut desk = Desk::open(None).await;
    desk.run(vec![copy("v1", CopyOutcome::Equal), copy("v2", CopyOutcome::Failed)]).await;
    desk.scheduler.refuse("`sync[0]`: no name is there".into(), Some("give it one of its own".into()));
    let page = desk.rig.get("/sync?lang=zh").await.text();
    assert!(page.contains("<p lang=\"en\"><code>sync[0]</code>: no name is there</p>"), "{page}");
    desk.scheduler
        .refuse("`sync[0]`: the rule has no name".into(), Some("give it one, such as `nginx`".into()));
    let page = desk.rig.get("/sync?lang=zh").await.text();
    for part in [
        "<p><code>sync[0]</code>: 规则没有名称</p><p>请起一个名称，例如 <code>nginx</code></p>",
        "<div class=\"why\" lang=\"en\"><code>quay.io</code> says &lt;denied&gt;<span>log in</span></div>",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let browser = ("accept", "text/html");
    for path in [
        "/",
        "/?image=local/app:1",
        "/?image=evil.test/a",
        "/?image=A",
        "/guide",
        "/sync",
        "/sync?rule=none",
        "/x",
    ] {
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = desk.rig.get_with(&format!("{path}{separator}lang=zh"), &[browser]).await.text();
        let text = read_aloud(&page);
        assert!(text.contains("拉取镜像"), "{path}: {text}");
        for part in text.split(|c: char| !(c.is_ascii_alphabetic() || c == ' ' || c == ',' || c == '\'')) {
            let words = part.split_whitespace().filter(|word| word.chars().all(|c| c.is_ascii_lowercase()));
            assert!(words.count() < 3, "{path}: {part} in {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_synced_there_are_no_such_pages() {
    let rig = Rig::start().await;
    for path in ["/guide", "/sync", "/api/v1/sync/rules"] {
        assert_eq!(rig.get(path).await.status, 404, "{path}");
    }
}
