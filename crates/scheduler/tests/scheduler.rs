//! A scheduler whose clock the test sets, and whose runs the test executes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use entrepot_catalog::{
    Catalog, Cause, Claim, Copy, CopyOutcome, Instance, InstanceId, Location, Orphans, RunCopy, RunId,
    RunOutcome, ServerLock, SourceTag,
};
use entrepot_oci::Digest;
use entrepot_scheduler::{
    Error, Executor, LaggedListener, RunEvent, RunScope, Scheduler, SchedulerMetrics, SchedulerParts,
    StartOutcome, Task, Update, Watch, WorkEnd,
};
use entrepot_sync::{
    CopyEvent, CopyFailure, CopyJob, CopyResult, CopySuccess, JobOutcome, JobTarget, Place, Shape,
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

/// A run that the test executes.
struct Executed {
    task: Task,
    finish: Finish,
}

struct Harness {
    scheduler: Scheduler,
    now: Arc<Mutex<SystemTime>>,
    executed: mpsc::UnboundedReceiver<Executed>,
    executor: Executor,
    stop: CancellationToken,
    working: JoinHandle<WorkEnd>,
    metrics: SchedulerMetrics,
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

/// A server that has taken the lock on the database.
async fn claimed(catalog: &Catalog) -> (Instance, ServerLock) {
    let instance = Instance { id: InstanceId::new(), name: "a test".to_owned(), started: full_hour() };
    match catalog.claim(&instance).await.unwrap() {
        Claim::Ours(lock) => (instance, lock),
        Claim::Held(holder) => panic!("{holder:?} has the lock"),
    }
}

fn lock_file(dir: &tempfile::TempDir) -> std::path::PathBuf {
    dir.path().join("catalog.db.lock")
}

impl Harness {
    async fn open(dir: &tempfile::TempDir, names: &[&str], at: SystemTime) -> Self {
        let (tasks, executed) = mpsc::unbounded_channel();
        let executor: Executor = Arc::new(move |task| {
            let (finish, finished) = oneshot::channel();
            drop(tasks.send(Executed { task, finish }));
            Box::pin(async move { finished.await.unwrap_or(Ok(())) })
        });
        let now = Arc::new(Mutex::new(at));
        let clock = Arc::clone(&now);
        let metrics = SchedulerMetrics::default();
        let catalog = catalog(dir).await;
        let (instance, lock) = claimed(&catalog).await;
        let parts = SchedulerParts {
            catalog,
            instance,
            lock,
            rules: rules(names),
            executor: Arc::clone(&executor),
            metrics: metrics.clone(),
            events: Default::default(),
            clock: Arc::new(move || *clock.lock().unwrap()),
        };
        let scheduler = Scheduler::open(parts).await.unwrap();
        let stop = CancellationToken::new();
        let working = tokio::spawn({
            let (scheduler, stop) = (scheduler.clone(), stop.clone());
            async move { scheduler.work(stop).await }
        });
        Self { scheduler, now, executed, executor, stop, working, metrics }
    }

    fn set(&self, at: SystemTime) {
        *self.now.lock().unwrap() = at;
        self.scheduler.wake();
    }

    async fn executed(&mut self) -> Executed {
        tokio::time::timeout(PATIENCE, self.executed.recv()).await.unwrap().unwrap()
    }

    async fn nothing_is_executed(&mut self) {
        let more = tokio::time::timeout(Duration::from_millis(100), self.executed.recv()).await;
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

fn job(tag: &str) -> CopyJob {
    let target = JobTarget {
        place: place("docker.io/c/a-x"),
        reference: tag.parse().unwrap(),
        shape: Shape::default(),
        source_name: None,
        digest: None,
        referrers: true,
        before: None,
        backup: None,
    };
    CopyJob {
        rule: "x".into(),
        source: place("quay.io/a/x"),
        reference: tag.parse().unwrap(),
        digest: None,
        attached: None,
        targets: vec![target],
    }
}

fn row(tag: &str, outcome: JobOutcome) -> Box<CopyResult> {
    let CopyJob { rule, source, reference, mut targets, .. } = job(tag);
    let target = targets.remove(0);
    Box::new(CopyResult {
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
    let CopyResult { source, target, .. } = *row(tag, JobOutcome::Cancelled);
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

fn done() -> JobOutcome {
    JobOutcome::Done(CopySuccess {
        digest: Digest::of(b"x"),
        changed: true,
        written: 30,
        mounted: 0,
        present: 0,
    })
}

fn failed() -> JobOutcome {
    let (what, hint) = ("the target is down".to_owned(), Some("start it".to_owned()));
    JobOutcome::Failed(CopyFailure { what, hint, at_source: false })
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

fn id(begun: StartOutcome) -> RunId {
    match begun {
        StartOutcome::Started(id) | StartOutcome::Joined(id) => id,
    }
}

#[tokio::test]
async fn rules_run_when_they_are_due_and_never_twice_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = Harness::open(&dir, &["x"], full_hour()).await;
    harness.nothing_is_executed().await;
    harness.set(full_hour() + HOUR);
    let first = harness.executed().await;
    assert_eq!((first.task.rule.name.as_str(), first.task.part.is_whole()), ("x", true));
    harness.set(full_hour() + 3 * HOUR);
    harness.nothing_is_executed().await;
    let running = harness.scheduler.rules().rules[0].running.clone().unwrap();
    let joined = harness.scheduler.run_now("x", RunScope::default()).await.unwrap();
    assert!(matches!(joined, StartOutcome::Joined(id) if id == running.run));
    let mut watch = harness.scheduler.watch().unwrap();
    drop(first);
    kinds_until(&mut watch, "ended").await;
    harness.nothing_is_executed().await;
    assert_eq!(harness.scheduler.rules().rules[0].next, Some(full_hour() + 4 * HOUR));
    harness.set(full_hour() + 4 * HOUR);
    drop(harness.executed().await);
    harness.close().await;
}

#[tokio::test]
async fn updates_are_sent_in_order_and_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = Harness::open(&dir, &["x"], full_hour()).await;
    let mut watch = harness.scheduler.watch().unwrap();
    let run = id(harness.scheduler.run_now("x", RunScope::default()).await.unwrap());
    let Executed { task, finish } = harness.executed().await;
    let tell = |update| task.updates.send(update).unwrap();
    tell(Update::Settled(Box::new(known("1"))));
    tell(Update::Planned(vec![job("2"), job("3")]));
    tell(Update::Event(CopyEvent::Started { job: 0 }));
    tell(Update::Event(CopyEvent::Sized { job: 0, bytes: 40 }));
    tell(Update::Event(CopyEvent::Progress { job: 0, bytes: 10, read: 8 }));
    let progress = loop {
        let frame = tokio::time::timeout(PATIENCE, watch.next()).await.unwrap().unwrap().unwrap();
        match &*frame.event {
            RunEvent::Progress(progress) if progress.done == 10 => break progress.clone(),
            _ => {}
        }
    };
    assert_eq!((progress.wanted, progress.bytes, progress.read), (3, 40, 8));
    assert_eq!(progress.images[0].image, "quay.io/a/x:2");
    tell(Update::Event(CopyEvent::Settled { job: 0, target: 0, row: row("2", done()) }));
    tell(Update::Event(CopyEvent::Settled { job: 1, target: 0, row: row("3", failed()) }));
    drop(task);
    finish.send(Ok(())).unwrap();
    let kinds = kinds_until(&mut watch, "ended").await;
    assert!(kinds.contains(&"copies"), "{kinds:?}");

    let detail = harness.scheduler.run(run, 0, 10).await.unwrap();
    assert_eq!((detail.run.outcome, detail.run.cause), (RunOutcome::Failed, Cause::Hand));
    assert_eq!((detail.run.counts.copied, detail.run.counts.equal, detail.run.counts.failed), (1, 1, 1));
    assert_eq!((detail.run.written, detail.run.read), (30, 8));
    let told: Vec<_> = detail.changes.iter().map(|(number, done)| (*number, done.outcome)).collect();
    assert_eq!(told, [(1, CopyOutcome::Copied), (2, CopyOutcome::Failed)]);
    let state = harness.scheduler.copies("x", &SourceTag::default(), 10).await.unwrap();
    let told: Vec<_> =
        state.copies.iter().map(|copy| (&*copy.copy.reference, copy.outcome.as_str())).collect();
    assert_eq!(told, [("1", "equal"), ("2", "copied"), ("3", "failed")]);
    assert_eq!(state.copies[2].hint.as_deref(), Some("start it"));
    let rule = harness.scheduler.rules().rules.remove(0);
    assert_eq!((rule.copies.total(), rule.copies.in_sync(), rule.running), (3, 2, None));
    let mut registry = prometheus_client::registry::Registry::default();
    harness.metrics.register(&mut registry);
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
    harness.close().await;
}

#[tokio::test]
async fn a_part_of_a_rule_can_be_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = Harness::open(&dir, &["x"], full_hour()).await;
    let part =
        |source: &str, tag: &str| RunScope { source: Some(place(source)), tag: Some(tag.parse().unwrap()) };
    let wrong = harness.scheduler.run_now("x", part("quay.io/z/x", "1")).await.unwrap_err();
    assert_eq!(wrong.to_string(), "rule `x` does not copy from `quay.io/z/x`");
    let run = id(harness.scheduler.run_now("x", part("quay.io/b/x", "1")).await.unwrap());
    let Executed { task, finish } = harness.executed().await;
    assert_eq!(task.rule.sources.len(), 1);
    assert_eq!(task.rule.tags.names(), ["1".parse().unwrap()]);
    let busy = harness.scheduler.run_now("x", RunScope::default()).await.unwrap_err();
    assert!(matches!(busy, Error::Busy { run: by, .. } if by == run));
    drop(task);
    finish.send(Err("no such tag".into())).unwrap();
    let mut watch = harness.scheduler.watch().unwrap();
    kinds_until(&mut watch, "ended").await;
    let detail = harness.scheduler.run(run, 0, 10).await.unwrap();
    assert_eq!(detail.run.part.as_deref(), Some("quay.io/b/x:1"));
    assert_eq!((detail.run.outcome.as_str(), detail.run.problem.as_deref()), ("failed", Some("no such tag")));
    assert!(matches!(harness.scheduler.run_now("y", RunScope::default()).await, Err(Error::UnknownRule(_))));
    harness.close().await;
}

#[tokio::test]
async fn runs_can_be_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = Harness::open(&dir, &["x"], full_hour()).await;
    let run = id(harness.scheduler.run_now("x", RunScope::default()).await.unwrap());
    let Executed { task, finish } = harness.executed().await;
    let mut watch = harness.scheduler.watch().unwrap();
    harness.scheduler.cancel(run).await.unwrap();
    task.cancel.cancelled().await;
    drop((task, finish));
    kinds_until(&mut watch, "ended").await;
    assert_eq!(harness.scheduler.run(run, 0, 1).await.unwrap().run.outcome, RunOutcome::Cancelled);
    assert!(matches!(harness.scheduler.cancel(run).await, Err(Error::Ended(_))));
    assert!(matches!(harness.scheduler.cancel("1".parse().unwrap()).await, Err(Error::UnknownRun(_))));
    harness.close().await;
}

#[tokio::test]
async fn what_the_end_of_the_server_interrupts_is_caught_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = Harness::open(&dir, &["x", "y"], full_hour()).await;
    harness.set(full_hour() + HOUR);
    let mut watch = harness.scheduler.watch().unwrap();
    drop([harness.executed().await, harness.executed().await]);
    kinds_until(&mut watch, "ended").await;
    kinds_until(&mut watch, "ended").await;
    // Both have ended once; now one of them is going on when the server ends.
    harness.set(full_hour() + 2 * HOUR);
    let one = harness.executed().await;
    let name = one.task.rule.name.clone();
    drop(harness.executed().await);
    kinds_until(&mut watch, "ended").await;
    let stop = harness.stop.clone();
    stop.cancel();
    one.task.cancel.cancelled().await;
    let scheduler = harness.scheduler.clone();
    drop(one);
    harness.working.await.unwrap();
    assert!(scheduler.watch().is_none());
    assert!(matches!(scheduler.run_now("x", RunScope::default()).await, Err(Error::Stopping)));
    let runs = scheduler.runs(Some(&name), None, 10).await.unwrap();
    assert_eq!(runs.runs[0].outcome, RunOutcome::Interrupted);
    // The lock is given back.
    drop((scheduler, harness.scheduler));

    let later = full_hour() + 2 * HOUR + Duration::from_secs(600);
    let mut harness = Harness::open(&dir, &["x", "y"], later).await;
    harness.set(later + Duration::from_secs(61));
    let caught_up = harness.executed().await;
    assert_eq!(caught_up.task.rule.name, name);
    assert_eq!(harness.scheduler.running()[0].cause, Cause::CatchUp);
    harness.nothing_is_executed().await;
    drop(caught_up);
    harness.close().await;
}

#[tokio::test]
async fn at_most_four_rules_run_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = Harness::open(&dir, &["a", "b", "c", "d", "e"], full_hour()).await;
    harness.set(full_hour() + HOUR);
    let mut four = Vec::new();
    for _ in 0..4 {
        four.push(harness.executed().await);
    }
    harness.nothing_is_executed().await;
    let phases: Vec<_> = harness.scheduler.running().iter().map(|run| format!("{:?}", run.phase)).collect();
    assert_eq!(phases, ["Looking", "Looking", "Looking", "Looking", "Waiting"]);
    four.pop();
    assert_eq!(harness.executed().await.task.rule.name, "e");
    drop(four);
    harness.close().await;
}

#[tokio::test]
async fn other_rules_are_taken_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = Harness::open(&dir, &["x"], full_hour()).await;
    harness
        .scheduler
        .refuse("`sync[0].to`: the rule copies nowhere".into(), Some("name a repository".into()));
    let view = harness.scheduler.rules();
    assert_eq!(view.rules[0].name, "x");
    assert_eq!(view.refused.unwrap().problem, "`sync[0].to`: the rule copies nowhere");
    let mut watch = harness.scheduler.watch().unwrap();
    harness.scheduler.replace(rules(&["y"]), Arc::clone(&harness.executor)).await.unwrap();
    assert_eq!(kinds_until(&mut watch, "rules").await, ["running", "rules"]);
    let view = harness.scheduler.rules();
    assert_eq!((view.rules[0].name.as_str(), view.refused), ("y", None));
    harness.set(full_hour() + HOUR);
    assert_eq!(harness.executed().await.task.rule.name, "y");
    harness.nothing_is_executed().await;
    harness.close().await;
}

#[tokio::test]
async fn other_rules_leave_what_runs_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = Harness::open(&dir, &["x", "y"], full_hour()).await;
    let run = id(harness.scheduler.run_now("x", RunScope::default()).await.unwrap());
    let running = harness.executed().await;
    harness.scheduler.replace(rules(&["x", "z"]), Arc::clone(&harness.executor)).await.unwrap();
    assert_eq!(harness.scheduler.running().len(), 1);
    assert!(harness.scheduler.rules().rules[0].running.is_some());
    // It is joined, not begun beside itself: neither by hand nor when it is due.
    assert_eq!(harness.scheduler.run_now("x", RunScope::default()).await.unwrap(), StartOutcome::Joined(run));
    harness.set(full_hour() + HOUR);
    assert_eq!(harness.executed().await.task.rule.name, "z");
    harness.nothing_is_executed().await;
    // Nor does a reload that takes its rule away end it.
    harness.scheduler.replace(rules(&["z"]), Arc::clone(&harness.executor)).await.unwrap();
    assert!(harness.scheduler.running().iter().any(|view| view.rule == "x"));
    let mut watch = harness.scheduler.watch().unwrap();
    drop(running.task);
    running.finish.send(Ok(())).unwrap();
    kinds_until(&mut watch, "ended").await;
    assert_eq!(harness.scheduler.run(run, 0, 10).await.unwrap().run.outcome, RunOutcome::Done);
    harness.close().await;
}

#[tokio::test]
async fn an_executor_that_panics_ends_its_run() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog(&dir).await;
    let (instance, lock) = claimed(&catalog).await;
    let parts = SchedulerParts {
        catalog,
        instance,
        lock,
        rules: rules(&["x"]),
        executor: Arc::new(|_| panic!("on purpose")),
        metrics: SchedulerMetrics::default(),
        events: Default::default(),
        clock: Arc::new(SystemTime::now),
    };
    let scheduler = Scheduler::open(parts).await.unwrap();
    let mut watch = scheduler.watch().unwrap();
    scheduler.run_now("x", RunScope::default()).await.unwrap();
    kinds_until(&mut watch, "ended").await;
    assert!(scheduler.running().is_empty());
    assert_eq!(scheduler.rules().rules[0].last.as_ref().unwrap().outcome, RunOutcome::Failed);
}

#[tokio::test]
async fn no_run_begins_while_the_lock_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = Harness::open(&dir, &["x"], full_hour()).await;
    // Nor can it be taken again: what is in its place cannot be locked.
    std::fs::remove_file(lock_file(&dir)).unwrap();
    std::fs::create_dir(lock_file(&dir)).unwrap();
    harness.set(full_hour() + HOUR);
    harness.nothing_is_executed().await;
    let refused = harness.scheduler.run_now("x", RunScope::default()).await.unwrap_err();
    assert_eq!(refused.to_string(), "the lock on the database is lost, and no sync begins without it");
    std::fs::remove_dir(lock_file(&dir)).unwrap();
    harness.set(full_hour() + HOUR + Duration::from_secs(10));
    assert_eq!(harness.executed().await.task.rule.name, "x");
    harness.close().await;
}

#[tokio::test]
async fn a_server_stops_when_another_has_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = Harness::open(&dir, &["x"], full_hour()).await;
    harness.scheduler.run_now("x", RunScope::default()).await.unwrap();
    let running = harness.executed().await;
    std::fs::remove_file(lock_file(&dir)).unwrap();
    let _theirs = claimed(&catalog(&dir).await).await;
    harness.set(full_hour() + Duration::from_secs(10));
    tokio::time::timeout(PATIENCE, running.task.cancel.cancelled()).await.unwrap();
    drop(running);
    let end = harness.working.await.unwrap();
    assert!(matches!(end, WorkEnd::Superseded(holder) if holder.name.as_deref() == Some("a test")));
    assert!(harness.scheduler.watch().is_none());
}

#[tokio::test]
async fn a_heartbeat_keeps_a_run_alive() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = Harness::open(&dir, &["x", "y"], full_hour()).await;
    harness.scheduler.run_now("x", RunScope::default()).await.unwrap();
    let running = harness.executed().await;
    // The heartbeat comes before the run that is due.
    harness.set(full_hour() + HOUR);
    let due = harness.executed().await;
    assert_eq!(due.task.rule.name, "y");
    let other = catalog(&dir).await;
    let silent_since = |at| Orphans { not_of: InstanceId::new(), predecessor: None, silent_since: at };
    let now = full_hour() + HOUR;
    assert_eq!(other.interrupt_runs(&silent_since(now), now).await.unwrap(), 0);
    assert_eq!(other.interrupt_runs(&silent_since(now + HOUR), now).await.unwrap(), 2);
    drop((running, due));
    harness.close().await;
}

#[tokio::test]
async fn slow_listeners_are_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let harness = Harness::open(&dir, &["x"], full_hour()).await;
    let mut slow = harness.scheduler.watch().unwrap();
    for _ in 0..300 {
        harness.scheduler.refuse("no".into(), None);
    }
    assert_eq!(kind(&slow.next().await.unwrap().unwrap().event), "running");
    assert_eq!(slow.next().await.unwrap().unwrap_err(), LaggedListener);
    harness.close().await;
}
