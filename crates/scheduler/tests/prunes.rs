//! Tags that no rule writes, between real registries in process: listed by runs, decided about, and removed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use entrepot_catalog::{
    Catalog, Claim, Instance, InstanceId, Location, PruneOutcome, PruneRecord, PruneStatus,
};
use entrepot_events::{Event, EventKind, EventReceiver, channel};
use entrepot_oci::{Digest, Host};
use entrepot_remote::{Remote, RemoteSettings, SettingsError};
use entrepot_scheduler::{
    CatalogCache, Decider, Error, RunEvent, RunScope, Scheduler, SchedulerMetrics, SchedulerParts, executor,
};
use entrepot_sync::{
    Format, Registries, Registry, SyncCache,
    rules::{RuleSection, RuleSet},
};
use entrepot_testkit::{TestImage, TestRegistry};

const PATIENCE: Duration = Duration::from_secs(60);

/// Every host is where its name says, over plain HTTP.
struct Plain(Catalog);

impl Registries for Plain {
    fn registry(&self, host: &Host) -> Result<Registry, SettingsError> {
        let settings = RemoteSettings {
            endpoints: vec![format!("http://{host}").parse().unwrap()],
            ..RemoteSettings::default()
        };
        Ok(Registry {
            remote: Remote::new(host.clone(), &settings)?,
            format: Format::Keep,
            reserve: 0,
            chunk: None,
        })
    }

    fn cache(&self) -> Arc<dyn SyncCache> {
        Arc::new(CatalogCache::new(self.0.clone()))
    }
}

struct Yard {
    source: TestRegistry,
    target: TestRegistry,
    scheduler: Scheduler,
    operators: EventReceiver,
    now: Arc<Mutex<SystemTime>>,
    catalog: Catalog,
    _directory: tempfile::TempDir,
}

fn image(seed: u64) -> TestImage {
    TestImage::random(seed, 1, 100)
}

impl Yard {
    /// A rule that copies the tags that begin with `v`, between two registries.
    async fn new() -> Self {
        let (source, target) = (TestRegistry::start().await, TestRegistry::start().await);
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("catalog.db"))).await.unwrap();
        let instance =
            Instance { id: InstanceId::new(), name: "a test".to_owned(), started: SystemTime::now() };
        let Claim::Ours(lock) = catalog.claim(&instance).await.unwrap() else { panic!("it is locked") };
        let (events, operators) = channel(BTreeSet::from([EventKind::PruneWaiting]));
        let now = Arc::new(Mutex::new(SystemTime::now()));
        let clock = Arc::clone(&now);
        let parts = SchedulerParts {
            catalog: catalog.clone(),
            instance,
            lock,
            rules: rules(&source, &target, "^v"),
            executor: executor(Arc::new(Plain(catalog.clone()))),
            metrics: SchedulerMetrics::default(),
            events,
            clock: Arc::new(move || *clock.lock().unwrap()),
        };
        let scheduler = Scheduler::open(parts).await.unwrap();
        source.put_image("a", "v1", &image(1));
        Self { source, target, scheduler, operators, now, catalog, _directory: directory }
    }

    async fn run(&self) {
        let mut watch = self.scheduler.watch().unwrap();
        self.scheduler.run_now("base", RunScope::default()).await.unwrap();
        let ended = async {
            loop {
                if matches!(*watch.next().await.unwrap().unwrap().event, RunEvent::Ended(_)) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.unwrap();
    }

    async fn latest(&self) -> PruneRecord {
        self.scheduler.prunes(Some("base"), None, 1).await.unwrap().rows.remove(0)
    }

    async fn tags(&self, id: i64) -> Vec<(String, PruneOutcome)> {
        let detail = self.scheduler.prune(id, 0, 100).await.unwrap();
        detail.tags.into_iter().map(|(_, tag)| (tag.tag, tag.outcome)).collect()
    }

    async fn approve(&self, prune: &PruneRecord) {
        let decider = Decider { seen: &prune.digest, by: "account:alice" };
        let approved = self.scheduler.approve_prune(prune.id, decider).await.unwrap();
        assert_eq!(approved.status, PruneStatus::Approved);
        let done = async {
            while self.scheduler.prune(prune.id, 0, 1).await.unwrap().prune.status != PruneStatus::Done {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, done).await.unwrap();
    }
}

fn rules(source: &TestRegistry, target: &TestRegistry, tags: &str) -> RuleSet {
    let text = format!(
        r#"[{{"name":"base","from":"{}/a","tags":{{"match":"{tags}"}},"to":[{{"repository":"{}/a","prune":"review"}}]}}]"#,
        source.host(),
        target.host()
    );
    let sections: Vec<RuleSection> = serde_json::from_str(&text).unwrap();
    RuleSet::check(&sections).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_goes_and_nothing_else() {
    let mut yard = Yard::new().await;
    for tag in ["old", "older", "oldest"] {
        yard.target.put_image("a", tag, &image(2));
    }
    yard.run().await;
    assert_eq!(yard.target.tags("a"), ["old", "older", "oldest", "v1"], "a run removes nothing");
    let prune = yard.latest().await;
    assert_eq!((prune.status, prune.tags), (PruneStatus::Waiting, 3));
    let Event::PruneWaiting(told) = yard.operators.next().await.unwrap().event else { panic!() };
    assert_eq!((told.id, told.tags, told.some.len()), (prune.id.to_string(), 3, 3));
    // Somebody pushed another image there after it was listed.
    yard.target.put_image("a", "older", &image(3));
    yard.target.put_image("a", "new", &image(3));
    yard.approve(&prune).await;
    assert_eq!(yard.target.tags("a"), ["new", "older", "v1"]);
    let outcomes =
        [("old", PruneOutcome::Removed), ("older", PruneOutcome::Kept), ("oldest", PruneOutcome::Removed)];
    let told: Vec<_> = yard.tags(prune.id).await;
    assert_eq!(told.iter().map(|(tag, outcome)| (tag.as_str(), *outcome)).collect::<Vec<_>>(), outcomes);
    yard.run().await;
    let next = yard.latest().await;
    assert_ne!(next.id, prune.id, "what is left is a list of its own");
    assert_eq!(yard.tags(next.id).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_writes_by_then_is_left_alone() {
    let yard = Yard::new().await;
    yard.source.put_image("a", "w1", &image(2));
    yard.target.put_image("a", "w1", &image(2));
    yard.target.put_image("a", "x1", &image(2));
    yard.run().await;
    let prune = yard.latest().await;
    assert_eq!(prune.tags, 2);
    let executor = executor(Arc::new(Plain(yard.catalog.clone())));
    yard.scheduler.replace(rules(&yard.source, &yard.target, "^[vw]"), executor).await.unwrap();
    yard.approve(&prune).await;
    assert_eq!(yard.target.tags("a"), ["v1", "w1"]);
    assert_eq!(
        yard.tags(prune.id).await,
        [("w1".to_owned(), PruneOutcome::Kept), ("x1".to_owned(), PruneOutcome::Removed)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rejected_stays_and_nobody_is_asked_again() {
    let yard = Yard::new().await;
    yard.target.put_image("a", "old", &image(2));
    yard.run().await;
    let prune = yard.latest().await;
    let decider = Decider { seen: &prune.digest, by: "account:alice" };
    let rejected = yard.scheduler.reject_prune(prune.id, decider).await.unwrap();
    assert_eq!(
        (rejected.status, rejected.decided_by.as_deref()),
        (PruneStatus::Rejected, Some("account:alice"))
    );
    yard.run().await;
    assert_eq!(yard.latest().await.id, prune.id);
    let again = yard.scheduler.approve_prune(prune.id, decider).await;
    assert!(matches!(again, Err(Error::PruneDecided { status: PruneStatus::Rejected, .. })), "{again:?}");
    yard.target.put_image("a", "other", &image(2));
    yard.run().await;
    assert_eq!(yard.latest().await.tags, 2, "something else was found");
    assert_eq!(yard.target.tags("a"), ["old", "other", "v1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_seen_can_be_approved_and_not_for_ever() {
    let yard = Yard::new().await;
    yard.target.put_image("a", "old", &image(2));
    yard.run().await;
    let prune = yard.latest().await;
    let other = Digest::of(b"another list");
    let refused = yard.scheduler.approve_prune(prune.id, Decider { seen: &other, by: "x" }).await;
    assert!(matches!(refused, Err(Error::PruneChanged(id)) if id == prune.id), "{refused:?}");
    let refused = yard.scheduler.approve_prune(prune.id + 1, Decider { seen: &other, by: "x" }).await;
    assert!(matches!(refused, Err(Error::UnknownPrune(_))), "{refused:?}");
    *yard.now.lock().unwrap() += Duration::from_secs(15 * 24 * 60 * 60);
    let late = yard.scheduler.approve_prune(prune.id, Decider { seen: &prune.digest, by: "x" }).await;
    assert!(matches!(late, Err(Error::PruneExpired(_))), "{late:?}");
    yard.run().await;
    let next = yard.latest().await;
    assert!(next.id != prune.id && next.digest == prune.digest, "the same list, made anew");
    yard.target.capabilities(|can| can.delete = false);
    yard.approve(&next).await;
    let detail = yard.scheduler.prune(next.id, 0, 10).await.unwrap();
    let tag = &detail.tags[0].1;
    assert_eq!(tag.outcome, PruneOutcome::Failed);
    assert!(tag.problem.as_deref().unwrap().contains("does not remove single tags"), "{tag:?}");
    assert_eq!(yard.target.tags("a"), ["old", "v1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_goes_when_there_is_nothing_to_list() {
    let yard = Yard::new().await;
    yard.target.put_image("a", "old", &image(2));
    yard.run().await;
    let prune = yard.latest().await;
    let executor = executor(Arc::new(Plain(yard.catalog.clone())));
    yard.source.put_image("a", "old", &image(2));
    yard.scheduler.replace(rules(&yard.source, &yard.target, "."), executor).await.unwrap();
    yard.run().await;
    assert_eq!(yard.latest().await, PruneRecord { status: PruneStatus::Replaced, ..prune });
}
