//! A scheduler whose clock and whose work are in the hands of the test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use entrepot_catalog::{Catalog, Cause, Copy, CopyOutcome, Location, RunCopy, RunId, RunOutcome, SourceTag};
use entrepot_oci::Digest;
use entrepot_scheduler::{
    Begun, Error, Happened, Lost, Metrics, Order, Part, Parts, RunEvent, Scheduler, Watch, Work,
};
use entrepot_sync::{
    Done, Event, Failure, Job, Outcome, Place, Row, Shape, Target,
    rules::{RuleSection, RuleSet},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

const HOUR: Duration = Duration::from_secs(3600);
/// A test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

type Finish = oneshot::Sender<Result<(), String>>;

/// A run that the test carries out.
struct Ordered {
    order: Order,
    finish: Finish,
}

struct Desk {
    scheduler: Scheduler,
    now: Arc<Mutex<SystemTime>>,
    ordered: mpsc::UnboundedReceiver<Ordered>,
    work: Work,
    stop: CancellationToken,
    working: JoinHandle<()>,
    metrics: Metrics,
}

fn full_hour() -> SystemTime {
    UNIX_EPOCH + 500_000 * HOUR
}

fn rules(names: &[&str]) -> RuleSet {
    let rule = |name: &&str| {
        format!(
            r#"{{"name":"{name}","from":["quay.io/a/{name}","quay.io/b/{name}"],"to":["docker.io/c/{{namespace}}-{{name}}"],"schedule":"@hourly"}}"#
        )
    };
    let text = format!("[{}]", names.iter().map(rule).collect::<Vec<_>>().join(","));
    let sections: Vec<RuleSection> = serde_json::from_str(&text).unwrap();
    RuleSet::check(&sections).unwrap()
}

async fn catalog(dir: &tempfile::TempDir) -> Catalog {
    Catalog::open(&Location::Sqlite(dir.path().join("catalog.db"))).await.unwrap()
}

impl Desk {
    async fn open(dir: &tempfile::TempDir, names: &[&str], at: SystemTime) -> Self {
        let (orders, ordered) = mpsc::unbounded_channel();
        let work: Work = Arc::new(move |order| {
            let (finish, finished) = oneshot::channel();
            drop(orders.send(Ordered { order, finish }));
            Box::pin(async move { finished.await.unwrap_or(Ok(())) })
        });
        let now = Arc::new(Mutex::new(at));
        let clock = Arc::clone(&now);
        let metrics = Metrics::default();
        let parts = Parts {
            catalog: catalog(dir).await,
            rules: rules(names),
            work: Arc::clone(&work),
            metrics: metrics.clone(),
            clock: Arc::new(move || *clock.lock().unwrap()),
        };
        let scheduler = Scheduler::open(parts).await.unwrap();
        let stop = CancellationToken::new();
        let working = tokio::spawn({
            let (scheduler, stop) = (scheduler.clone(), stop.clone());
            async move { scheduler.work(stop).await }
        });
        Self { scheduler, now, ordered, work, stop, working, metrics }
    }

    fn set(&self, at: SystemTime) {
        *self.now.lock().unwrap() = at;
        self.scheduler.wake();
    }

    async fn ordered(&mut self) -> Ordered {
        tokio::time::timeout(PATIENCE, self.ordered.recv()).await.unwrap().unwrap()
    }

    async fn nothing_is_ordered(&mut self) {
        let more = tokio::time::timeout(Duration::from_millis(100), self.ordered.recv()).await;
        assert!(more.is_err(), "a run has begun");
    }

    async fn close(self) {
        self.stop.cancel();
        self.working.await.unwrap();
    }
}

fn place(text: &str) -> Place {
    let (host, repository) = text.split_once('/').unwrap();
    Place::Registry { host: host.parse().unwrap(), repository: repository.parse().unwrap() }
}

fn job(tag: &str) -> Job {
    let target = Target {
        place: place("docker.io/c/a-x"),
        reference: tag.parse().unwrap(),
        shape: Shape::default(),
        referrers: true,
        before: None,
        backup: None,
    };
    Job {
        rule: "x".into(),
        source: place("quay.io/a/x"),
        reference: tag.parse().unwrap(),
        digest: None,
        attached: None,
        targets: vec![target],
    }
}

fn row(tag: &str, outcome: Outcome) -> Box<Row> {
    let Job { rule, source, reference, mut targets, .. } = job(tag);
    let target = targets.remove(0);
    Box::new(Row {
        rule,
        source,
        reference,
        target: target.place,
        target_reference: target.reference,
        digest: None,
        outcome,
        took: Duration::from_millis(5),
    })
}

fn known(tag: &str) -> RunCopy {
    let Row { source, target, .. } = *row(tag, Outcome::Cancelled);
    RunCopy {
        copy: Copy {
            source: source.to_string(),
            reference: tag.to_owned(),
            target: target.to_string(),
            target_reference: tag.to_owned(),
        },
        digest: Some(Digest::of(b"x")),
        outcome: CopyOutcome::Equal,
        problem: None,
        hint: None,
        written: 0,
        mounted: 0,
        present: 0,
        took: Duration::ZERO,
    }
}

fn done() -> Outcome {
    Outcome::Done(Done { digest: Digest::of(b"x"), changed: true, written: 30, mounted: 0, present: 0 })
}

fn failed() -> Outcome {
    let (what, hint) = ("the target is down".to_owned(), Some("start it".to_owned()));
    Outcome::Failed(Failure { what, hint, at_source: false })
}

fn kind(event: &RunEvent) -> &'static str {
    match event {
        RunEvent::Running(_) => "running",
        RunEvent::Began(_) => "began",
        RunEvent::Progress(_) => "progress",
        RunEvent::Copies(_) => "copies",
        RunEvent::Ended(_) => "ended",
        RunEvent::Rules => "rules",
    }
}

async fn kinds_until(watch: &mut Watch, last: &str) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    loop {
        let frame = tokio::time::timeout(PATIENCE, watch.next()).await.unwrap().unwrap().unwrap();
        kinds.push(kind(&frame.event));
        if kinds.last() == Some(&last) {
            return kinds;
        }
    }
}

fn id(begun: Begun) -> RunId {
    match begun {
        Begun::Started(id) | Begun::Joined(id) => id,
    }
}

#[tokio::test]
async fn rules_run_when_they_are_due_and_never_twice_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, &["x"], full_hour()).await;
    desk.nothing_is_ordered().await;
    desk.set(full_hour() + HOUR);
    let first = desk.ordered().await;
    assert_eq!((first.order.rule.name.as_str(), first.order.part.is_whole()), ("x", true));
    desk.set(full_hour() + 3 * HOUR);
    desk.nothing_is_ordered().await;
    let running = desk.scheduler.rules().rules[0].running.clone().unwrap();
    let joined = desk.scheduler.run_now("x", Part::default()).await.unwrap();
    assert!(matches!(joined, Begun::Joined(id) if id == running.run));
    let mut watch = desk.scheduler.watch().unwrap();
    drop(first);
    kinds_until(&mut watch, "ended").await;
    desk.nothing_is_ordered().await;
    assert_eq!(desk.scheduler.rules().rules[0].next, Some(full_hour() + 4 * HOUR));
    desk.set(full_hour() + 4 * HOUR);
    drop(desk.ordered().await);
    desk.close().await;
}

#[tokio::test]
async fn what_happens_is_told_in_order_and_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, &["x"], full_hour()).await;
    let mut watch = desk.scheduler.watch().unwrap();
    let run = id(desk.scheduler.run_now("x", Part::default()).await.unwrap());
    let Ordered { order, finish } = desk.ordered().await;
    let tell = |happened| order.told.send(happened).unwrap();
    tell(Happened::Known(Box::new(known("1"))));
    tell(Happened::Planned(vec![job("2"), job("3")]));
    tell(Happened::Event(Event::Started { job: 0 }));
    tell(Happened::Event(Event::Sized { job: 0, bytes: 40 }));
    tell(Happened::Event(Event::Progress { job: 0, bytes: 10, read: 8 }));
    let progress = loop {
        let frame = watch.next().await.unwrap().unwrap();
        match &*frame.event {
            RunEvent::Progress(progress) if progress.done == 10 => break progress.clone(),
            _ => {}
        }
    };
    assert_eq!((progress.wanted, progress.bytes, progress.read), (3, 40, 8));
    assert_eq!(progress.images[0].image, "quay.io/a/x:2");
    tell(Happened::Event(Event::Settled { job: 0, target: 0, row: row("2", done()) }));
    tell(Happened::Event(Event::Settled { job: 1, target: 0, row: row("3", failed()) }));
    drop(order);
    finish.send(Ok(())).unwrap();
    let kinds = kinds_until(&mut watch, "ended").await;
    assert!(kinds.contains(&"copies"), "{kinds:?}");

    let detail = desk.scheduler.run(run, 0, 10).await.unwrap();
    assert_eq!((detail.run.outcome, detail.run.cause), (RunOutcome::Failed, Cause::Hand));
    assert_eq!((detail.run.counts.copied, detail.run.counts.equal, detail.run.counts.failed), (1, 1, 1));
    assert_eq!((detail.run.written, detail.run.read), (30, 8));
    let told: Vec<_> = detail.changes.iter().map(|(number, done)| (*number, done.outcome)).collect();
    assert_eq!(told, [(1, CopyOutcome::Copied), (2, CopyOutcome::Failed)]);
    let state = desk.scheduler.copies("x", &SourceTag::default(), 10).await.unwrap();
    let told: Vec<_> =
        state.copies.iter().map(|copy| (&*copy.copy.reference, copy.outcome.as_str())).collect();
    assert_eq!(told, [("1", "equal"), ("2", "copied"), ("3", "failed")]);
    assert_eq!(state.copies[2].hint.as_deref(), Some("start it"));
    let rule = desk.scheduler.rules().rules.remove(0);
    assert_eq!((rule.copies.total(), rule.copies.in_sync(), rule.running), (3, 2, None));
    let mut registry = prometheus_client::registry::Registry::default();
    desk.metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        r#"entrepot_sync_runs_total{outcome="failed"} 1"#,
        r#"entrepot_sync_copies_total{outcome="copied"} 1"#,
        "entrepot_sync_written_bytes_total 30",
        "entrepot_sync_read_bytes_total 8",
        "entrepot_sync_running 0",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    desk.close().await;
}

#[tokio::test]
async fn a_part_of_a_rule_can_be_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, &["x"], full_hour()).await;
    let part =
        |source: &str, tag: &str| Part { source: Some(place(source)), tag: Some(tag.parse().unwrap()) };
    let wrong = desk.scheduler.run_now("x", part("quay.io/z/x", "1")).await.unwrap_err();
    assert_eq!(wrong.to_string(), "rule `x` does not copy from `quay.io/z/x`");
    let run = id(desk.scheduler.run_now("x", part("quay.io/b/x", "1")).await.unwrap());
    let Ordered { order, finish } = desk.ordered().await;
    assert_eq!(order.rule.sources.len(), 1);
    assert_eq!(order.rule.tags.names(), ["1".parse().unwrap()]);
    let busy = desk.scheduler.run_now("x", Part::default()).await.unwrap_err();
    assert!(matches!(busy, Error::Busy { run: by, .. } if by == run));
    drop(order);
    finish.send(Err("no such tag".into())).unwrap();
    let mut watch = desk.scheduler.watch().unwrap();
    kinds_until(&mut watch, "ended").await;
    let detail = desk.scheduler.run(run, 0, 10).await.unwrap();
    assert_eq!(detail.run.part.as_deref(), Some("quay.io/b/x:1"));
    assert_eq!((detail.run.outcome.as_str(), detail.run.problem.as_deref()), ("failed", Some("no such tag")));
    assert!(matches!(desk.scheduler.run_now("y", Part::default()).await, Err(Error::UnknownRule(_))));
    desk.close().await;
}

#[tokio::test]
async fn runs_can_be_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, &["x"], full_hour()).await;
    let run = id(desk.scheduler.run_now("x", Part::default()).await.unwrap());
    let Ordered { order, finish } = desk.ordered().await;
    let mut watch = desk.scheduler.watch().unwrap();
    desk.scheduler.cancel(run).await.unwrap();
    order.cancel.cancelled().await;
    drop((order, finish));
    kinds_until(&mut watch, "ended").await;
    assert_eq!(desk.scheduler.run(run, 0, 1).await.unwrap().run.outcome, RunOutcome::Cancelled);
    assert!(matches!(desk.scheduler.cancel(run).await, Err(Error::Ended(_))));
    assert!(matches!(desk.scheduler.cancel("1".parse().unwrap()).await, Err(Error::UnknownRun(_))));
    desk.close().await;
}

#[tokio::test]
async fn what_the_end_of_the_server_interrupts_is_caught_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, &["x", "y"], full_hour()).await;
    desk.set(full_hour() + HOUR);
    let mut watch = desk.scheduler.watch().unwrap();
    drop([desk.ordered().await, desk.ordered().await]);
    kinds_until(&mut watch, "ended").await;
    kinds_until(&mut watch, "ended").await;
    // Both have ended once; now one of them is going on when the server ends.
    desk.set(full_hour() + 2 * HOUR);
    let one = desk.ordered().await;
    let name = one.order.rule.name.clone();
    drop(desk.ordered().await);
    kinds_until(&mut watch, "ended").await;
    let stop = desk.stop.clone();
    stop.cancel();
    one.order.cancel.cancelled().await;
    let scheduler = desk.scheduler.clone();
    drop(one);
    desk.working.await.unwrap();
    assert!(scheduler.watch().is_none());
    assert!(matches!(scheduler.run_now("x", Part::default()).await, Err(Error::Stopping)));
    let runs = scheduler.runs(Some(&name), None, 10).await.unwrap();
    assert_eq!(runs.runs[0].outcome, RunOutcome::Interrupted);

    let later = full_hour() + 2 * HOUR + Duration::from_secs(600);
    let mut desk = Desk::open(&dir, &["x", "y"], later).await;
    desk.set(later + Duration::from_secs(61));
    let caught_up = desk.ordered().await;
    assert_eq!(caught_up.order.rule.name, name);
    assert_eq!(desk.scheduler.running()[0].cause, Cause::CatchUp);
    desk.nothing_is_ordered().await;
    drop(caught_up);
    desk.close().await;
}

#[tokio::test]
async fn at_most_four_rules_run_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, &["a", "b", "c", "d", "e"], full_hour()).await;
    desk.set(full_hour() + HOUR);
    let mut four = Vec::new();
    for _ in 0..4 {
        four.push(desk.ordered().await);
    }
    desk.nothing_is_ordered().await;
    let phases: Vec<_> = desk.scheduler.running().iter().map(|run| format!("{:?}", run.phase)).collect();
    assert_eq!(phases, ["Looking", "Looking", "Looking", "Looking", "Waiting"]);
    four.pop();
    assert_eq!(desk.ordered().await.order.rule.name, "e");
    drop(four);
    desk.close().await;
}

#[tokio::test]
async fn other_rules_are_taken_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, &["x"], full_hour()).await;
    desk.scheduler.refuse("`sync[0].to`: the rule copies nowhere".into(), Some("name a repository".into()));
    let view = desk.scheduler.rules();
    assert_eq!(view.rules[0].name, "x");
    assert_eq!(view.refused.unwrap().problem, "`sync[0].to`: the rule copies nowhere");
    let mut watch = desk.scheduler.watch().unwrap();
    desk.scheduler.replace(rules(&["y"]), Arc::clone(&desk.work)).await.unwrap();
    assert_eq!(kinds_until(&mut watch, "rules").await, ["running", "rules"]);
    let view = desk.scheduler.rules();
    assert_eq!((view.rules[0].name.as_str(), view.refused), ("y", None));
    desk.set(full_hour() + HOUR);
    assert_eq!(desk.ordered().await.order.rule.name, "y");
    desk.nothing_is_ordered().await;
    desk.close().await;
}

#[tokio::test]
async fn other_rules_leave_what_runs_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&dir, &["x", "y"], full_hour()).await;
    let run = id(desk.scheduler.run_now("x", Part::default()).await.unwrap());
    let running = desk.ordered().await;
    desk.scheduler.replace(rules(&["x", "z"]), Arc::clone(&desk.work)).await.unwrap();
    assert_eq!(desk.scheduler.running().len(), 1);
    assert!(desk.scheduler.rules().rules[0].running.is_some());
    // It is joined, not begun beside itself: neither by hand nor when it is due.
    assert_eq!(desk.scheduler.run_now("x", Part::default()).await.unwrap(), Begun::Joined(run));
    desk.set(full_hour() + HOUR);
    assert_eq!(desk.ordered().await.order.rule.name, "z");
    desk.nothing_is_ordered().await;
    // Nor does a reload that takes its rule away end it.
    desk.scheduler.replace(rules(&["z"]), Arc::clone(&desk.work)).await.unwrap();
    assert!(desk.scheduler.running().iter().any(|view| view.rule == "x"));
    let mut watch = desk.scheduler.watch().unwrap();
    drop(running.order);
    running.finish.send(Ok(())).unwrap();
    kinds_until(&mut watch, "ended").await;
    assert_eq!(desk.scheduler.run(run, 0, 10).await.unwrap().run.outcome, RunOutcome::Done);
    desk.close().await;
}

#[tokio::test]
async fn work_that_panics_ends() {
    let dir = tempfile::tempdir().unwrap();
    let parts = Parts {
        catalog: catalog(&dir).await,
        rules: rules(&["x"]),
        work: Arc::new(|_| panic!("on purpose")),
        metrics: Metrics::default(),
        clock: Arc::new(SystemTime::now),
    };
    let scheduler = Scheduler::open(parts).await.unwrap();
    let mut watch = scheduler.watch().unwrap();
    scheduler.run_now("x", Part::default()).await.unwrap();
    kinds_until(&mut watch, "ended").await;
    assert!(scheduler.running().is_empty());
    assert_eq!(scheduler.rules().rules[0].last.as_ref().unwrap().outcome, RunOutcome::Failed);
}

#[tokio::test]
async fn slow_listeners_are_let_go() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(&dir, &["x"], full_hour()).await;
    let mut slow = desk.scheduler.watch().unwrap();
    for _ in 0..300 {
        desk.scheduler.refuse("no".into(), None);
    }
    assert_eq!(kind(&slow.next().await.unwrap().unwrap().event), "running");
    assert_eq!(slow.next().await.unwrap().unwrap_err(), Lost);
    desk.close().await;
}
