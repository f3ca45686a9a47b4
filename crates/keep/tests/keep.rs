//! Keep lists as a whole, with a mirror in front of a registry in process.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use entrepot_blobs::Blobs;
use entrepot_catalog::{Catalog, KeepCounts, KeepOutcome, KeepState, Location, PinFilter};
use entrepot_keep::{Error, KeepList, KeepSection, Keeper, KeeperParts, ListView, Sources};
use entrepot_mirror::{Clock, Freshness, Mirror, RegistryHint, UpstreamParts};
use entrepot_oci::{Host, Page};
use entrepot_remote::Remote;
use entrepot_testkit::{Action, Fault, Gate, Match, TestImage, TestRegistry, patiently, until, until_answer};
use tokio_util::sync::CancellationToken;

struct Rig {
    upstream: TestRegistry,
    mirror: Mirror,
    keeper: Keeper,
    busy: Arc<AtomicBool>,
    stop: CancellationToken,
    _data: tempfile::TempDir,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Rig {
    async fn start(lists: Vec<KeepList>) -> Self {
        let (data, upstream) = (tempfile::tempdir().unwrap(), TestRegistry::start().await);
        let settings = entrepot_remote::RemoteSettings {
            endpoints: vec![upstream.url().parse().unwrap()],
            ..entrepot_remote::RemoteSettings::default()
        };
        let remote = Remote::new(Host::docker_hub(), &settings).unwrap();
        let catalog = Catalog::open(&Location::Sqlite(data.path().join("entrepot.db"))).await.unwrap();
        let parts = entrepot_mirror::MirrorParts {
            settings: entrepot_mirror::MirrorSettings::default(),
            upstreams: vec![UpstreamParts { remote, alias: None, freshness: Freshness::default() }],
            hosted: vec!["local/".into()],
            blobs: Blobs::open(data.path(), None).await.unwrap(),
            catalog: catalog.clone(),
            metrics: entrepot_mirror::MirrorMetrics::default(),
            events: Default::default(),
            clock: Clock::manual(),
        };
        let mirror = Mirror::start(parts).await.unwrap();
        let busy = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&busy);
        let is_busy = Arc::new(move || asked.load(Ordering::Relaxed));
        let keeper =
            Keeper::open(KeeperParts { catalog, mirror: mirror.clone(), lists, is_busy }).await.unwrap();
        let stop = CancellationToken::new();
        tokio::spawn({
            let (keeper, stop) = (keeper.clone(), stop.clone());
            async move { keeper.work(stop).await }
        });
        Self { upstream, mirror, keeper, busy, stop, _data: data }
    }

    fn put(&self, name: &str, tag: &str, seed: u64) -> TestImage {
        let image = TestImage::random(seed, 1, 5000);
        self.upstream.put_image(name, tag, &image);
        image
    }

    async fn ran(&self, name: &str) -> ListView {
        self.keeper.run(name).unwrap();
        let ended = async || self.keeper.view(name).await.ok().filter(|view| view.running.is_none());
        until_answer("the run of a list to end", ended).await
    }

    async fn states(&self, name: &str) -> Vec<String> {
        let page = self.keeper.images((name, ""), None, 100).await.unwrap();
        page.rows.into_iter().map(|row| format!("{} {}", row.image, row.state.as_str())).collect()
    }

    /// What is not evicted, by list.
    async fn pins(&self) -> Vec<String> {
        let page = self.mirror.pins(&PinFilter::default(), &Page::default()).await.unwrap();
        page.pins
            .into_iter()
            .map(|row| format!("{} {} {}", row.pin.held_by, row.pin.key, row.pin.digest))
            .collect()
    }

    async fn holds(&self, name: &str, image: &TestImage) -> bool {
        let key = self.mirror.locate(&name.parse().unwrap(), RegistryHint::default()).unwrap().key;
        for (digest, _) in image.blobs() {
            if self.mirror.held_bytes(&key, digest).await.unwrap().is_none() {
                return false;
            }
        }
        true
    }
}

fn list(images: &[&str], file: &str) -> KeepList {
    let section = KeepSection {
        name: Some("daily".into()),
        images: images.iter().map(|image| (*image).to_owned()).collect(),
        ..KeepSection::default()
    };
    let sources = Sources { files: vec![file.to_owned()], exclude: vec![".*alpha.*".to_owned()] };
    section.check(1, &sources).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_images_of_a_list_are_here_without_anybody_having_pulled_them() {
    let rig = Rig::start(vec![list(
        &["docker.io/library/a:1", "docker.io/library/gone:1"],
        "docker.io/library/b\n",
    )])
    .await;
    let (one, two) = (rig.put("library/a", "1", 1), rig.put("library/b", "1.2.3", 2));
    rig.put("library/b", "1.2.3-alpha", 3);
    rig.put("library/b", "nightly", 4);
    let view = rig.ran("daily").await;
    assert_eq!(view.counts, KeepCounts { kept: 2, failed: 1, postponed: 0 });
    let last = view.last.unwrap();
    assert_eq!((last.outcome, last.counts, last.bytes > 10_000), (KeepOutcome::Failed, view.counts, true));
    let known =
        ["docker.io/library/a:1 kept", "docker.io/library/b:1.2.3 kept", "docker.io/library/gone:1 failed"];
    assert_eq!(rig.states("daily").await, known);
    assert!(rig.holds("a", &one).await && rig.holds("b", &two).await);
    rig.upstream.clear_log();
    let again = rig.ran("daily").await;
    assert_eq!(again.last.unwrap().bytes, 0);
    assert_eq!(rig.upstream.log().blob_gets().len(), 0, "what is here is not fetched again");
    let newer = rig.put("library/a", "1", 9);
    rig.ran("daily").await;
    assert!(rig.holds("a", &newer).await, "a tag that has moved is followed");
    let mut pins = rig.pins().await;
    pins.sort();
    let pinned = |name: &str, image: &TestImage| format!("daily docker.io/library/{name} {}", image.digest());
    assert_eq!(pins, [pinned("a", &newer), pinned("b", &two)], "what a tag pointed at before may go");
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_are_about_what_is_held_and_a_list_forgets_what_is_not_on_it() {
    let rig = Rig::start(vec![list(&["docker.io/library/*"], "")]).await;
    for (name, seed) in [("library/a", 1), ("library/b", 2), ("other/c", 3)] {
        rig.put(name, "1", seed);
    }
    assert_eq!(rig.ran("daily").await.counts, KeepCounts::default(), "nothing is held yet");
    for name in ["a", "other/c"] {
        let target = rig.mirror.locate(&name.parse().unwrap(), RegistryHint::default()).unwrap();
        rig.mirror.manifest(&target, &"1".parse().unwrap()).await.unwrap();
        let known = async || {
            let page = rig.mirror.images(&target.key, &Page::default()).await.ok()?;
            (!page.images.is_empty()).then_some(())
        };
        until_answer("the manifest to be recorded", known).await;
    }
    rig.ran("daily").await;
    assert_eq!(rig.states("daily").await, ["docker.io/library/a:1 kept"]);
    rig.keeper.replace(vec![list(&["docker.io/library/b:1"], "")]).await.unwrap();
    rig.ran("daily").await;
    assert_eq!(rig.states("daily").await, ["docker.io/library/b:1 kept"]);
    assert!(rig.pins().await.iter().all(|pin| pin.starts_with("daily docker.io/library/b ")));
    assert_eq!(rig.pins().await.len(), 1);
    rig.keeper.replace(Vec::new()).await.unwrap();
    assert!(rig.pins().await.is_empty(), "a list that is no more keeps nothing");
    assert!(matches!(rig.keeper.run("daily"), Err(Error::Unknown(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_while_somebody_waits_for_an_image_and_can_be_stopped() {
    let rig = Rig::start(vec![list(&["docker.io/library/a:1"], "")]).await;
    let image = rig.put("library/a", "1", 1);
    assert!(matches!(rig.keeper.cancel("daily"), Err(Error::Idle(_))));
    rig.busy.store(true, Ordering::Relaxed);
    rig.keeper.run("daily").unwrap();
    rig.keeper.run("daily").unwrap();
    let waits = async || rig.keeper.view("daily").await.ok()?.running.filter(|progress| progress.waits);
    until_answer("the run to wait", waits).await;
    assert!(rig.upstream.log().is_empty(), "no registry is asked meanwhile");
    let gate = Gate::new();
    rig.upstream.fault(Fault::on(Match::blobs().get()).always().then(Action::Gate(gate.clone())));
    rig.busy.store(false, Ordering::Relaxed);
    patiently("the first blob to be asked for", gate.reached(1)).await;
    rig.keeper.cancel("daily").unwrap();
    let ended = async || rig.keeper.view("daily").await.ok().filter(|view| view.running.is_none());
    let view = until_answer("the run to end", ended).await;
    assert_eq!(view.last.unwrap().outcome, KeepOutcome::Canceled);
    gate.open();
    assert_eq!(rig.ran("daily").await.last.unwrap().outcome, KeepOutcome::Done);
    assert!(rig.holds("a", &image).await);
}

// operate.md row 44: what is listed stays complete
#[tokio::test(flavor = "multi_thread")]
async fn what_a_registry_does_not_allow_now_is_postponed_and_what_is_kept_stays_known() {
    let rig = Rig::start(vec![list(&["docker.io/library/a:1", "docker.io/library/b:1"], "")]).await;
    let image = rig.put("library/a", "1", 1);
    rig.put("library/b", "1", 2);
    rig.ran("daily").await;
    rig.put("library/a", "1", 3);
    rig.upstream.fault(Fault::on(Match::manifests()).always().then(Action::status_with(
        429,
        &[("retry-after", "3600")],
        "",
    )));
    let view = rig.ran("daily").await;
    assert_eq!(view.counts, KeepCounts { kept: 0, failed: 0, postponed: 2 });
    let page = rig.keeper.images(("daily", ""), Some(KeepState::Postponed), 9).await.unwrap();
    assert_eq!(page.rows[0].digest.as_ref(), Some(image.digest()), "it is still here");
    assert!(rig.holds("a", &image).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_says_when_it_runs_next() {
    let section = KeepSection {
        images: vec!["docker.io/library/a:1".into()],
        schedule: Some("@daily".into()),
        ..KeepSection::default()
    };
    let rig = Rig::start(vec![section.check(1, &Sources::default()).unwrap()]).await;
    let next = async || rig.keeper.view("list-1").await.unwrap().next;
    let first = next().await.unwrap();
    assert!(first > std::time::SystemTime::now());
    rig.put("library/a", "1", 1);
    assert_eq!(rig.ran("list-1").await.last.unwrap().outcome, KeepOutcome::Done);
    until("the log to have something", || (!rig.upstream.log().is_empty()).then_some(())).await;
    assert_eq!(next().await.map(|next| next >= first), Some(true));
}
