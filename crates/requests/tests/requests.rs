//! Requests as a whole, with a mirror in front of a registry in process.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

use std::{path::Path, time::Duration};

use entrepot_blobs::Blobs;
use entrepot_catalog::{Catalog, ImageRequestFilter, ImageRequestStatus, Location, PinFilter, PinSource};
use entrepot_events::EventSender;
use entrepot_mirror::{Clock, Freshness, Mirror, RegistryHint as By, ResolvedRepository, UpstreamParts};
use entrepot_oci::{Host, Page};
use entrepot_remote::Remote;
use entrepot_requests::{
    Error, ImageMeaning, PerClient, RequestFault, RequestSettings, RequestState, RequestedImage, Requester,
    Requests, RequestsParts, RequestsSection, read,
};
use entrepot_testkit::{Action, Fault, Gate, Match, TestImage, TestRegistry, patiently, until_answer};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

struct Rig {
    upstream: TestRegistry,
    mirror: Mirror,
    requests: Requests,
    working: Option<(CancellationToken, JoinHandle<()>)>,
    data: tempfile::TempDir,
}

impl Rig {
    async fn start(change: impl FnOnce(&mut RequestsSection)) -> Self {
        let mut section =
            RequestsSection { platforms: vec!["linux/amd64".into()], ..RequestsSection::default() };
        change(&mut section);
        let settings = section.check(PerClient::default()).unwrap();
        Self::on(tempfile::tempdir().unwrap(), TestRegistry::start().await, settings).await
    }

    async fn on(data: tempfile::TempDir, upstream: TestRegistry, settings: RequestSettings) -> Self {
        let (mirror, catalog) = mirror(data.path(), &upstream).await;
        let requests = Requests::new(RequestsParts {
            catalog,
            mirror: mirror.clone(),
            events: EventSender::default(),
            settings,
        });
        requests.resume().await.unwrap();
        Self { upstream, mirror, requests, working: None, data }
    }

    fn work(&mut self) {
        let (stop, requests) = (CancellationToken::new(), self.requests.clone());
        let task = tokio::spawn({
            let stop = stop.clone();
            async move { requests.work(stop).await }
        });
        self.working = Some((stop, task));
    }

    /// Stops as a signal does, and starts anew on the same data.
    async fn restart(mut self) -> Self {
        if let Some((stop, task)) = self.working.take() {
            stop.cancel();
            task.await.unwrap();
        }
        self.mirror.shutdown().await;
        let settings = self.requests.settings().clone();
        Self::on(self.data, self.upstream, settings).await
    }

    fn wanted(&self, text: &str) -> RequestedImage {
        let reading = read(text, "m.test", self.mirror.names()).unwrap();
        let ImageMeaning::Image(image) = reading.meaning else { panic!("{:?}", reading.meaning) };
        RequestedImage { image, platforms: reading.platforms }
    }

    async fn ask(&self, text: &str, client: &str) -> Result<(RequestState, bool), Error> {
        let asker = Requester { client: client.to_owned(), is_exempt: false };
        self.requests.ask(&self.wanted(text), &asker).await
    }

    async fn asked(&self, text: &str) -> i64 {
        self.ask(text, "alice").await.unwrap().0.record.id
    }

    async fn ended(&self, id: i64) -> RequestState {
        let mut watch = self.requests.watch(id, None).await.unwrap();
        let mut last = None;
        let end = async {
            while let Some(state) = watch.next().await {
                last = Some(state);
            }
            last.unwrap()
        };
        patiently("the end of a request", end).await
    }

    fn target(&self, name: &str) -> ResolvedRepository {
        self.mirror.locate(&name.parse().unwrap(), By::default()).unwrap()
    }
}

async fn mirror(data: &Path, upstream: &TestRegistry) -> (Mirror, Catalog) {
    let settings = entrepot_remote::RemoteSettings {
        endpoints: vec![upstream.url().parse().unwrap()],
        ..entrepot_remote::RemoteSettings::default()
    };
    let remote = Remote::new(Host::docker_hub(), &settings).unwrap();
    let catalog = Catalog::open(&Location::Sqlite(data.join("entrepot.db"))).await.unwrap();
    let parts = entrepot_mirror::MirrorParts {
        settings: entrepot_mirror::MirrorSettings::default(),
        upstreams: vec![UpstreamParts { remote, alias: None, freshness: Freshness::default() }],
        hosted: vec!["local/".into()],
        blobs: Blobs::open(data, None).await.unwrap(),
        catalog: catalog.clone(),
        metrics: entrepot_mirror::MirrorMetrics::default(),
        events: Default::default(),
        clock: Clock::manual(),
    };
    (Mirror::start(parts).await.unwrap(), catalog)
}

fn image(seed: u64, platform: &str) -> TestImage {
    TestImage::random(seed, 2, 40_000).with_platform(platform)
}

fn size(image: &TestImage) -> u64 {
    image.blobs().iter().map(|(_, bytes)| bytes.len() as u64).sum()
}

// operate.md rows 50, 51 and 53
#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_here_for_all_its_platforms_when_it_is_done_and_many_ask_once() {
    let mut rig = Rig::start(|_| ()).await;
    let (amd, arm) = (image(1, "linux/amd64"), image(2, "linux/arm64"));
    rig.upstream.put_image("library/a", "1", &TestImage::index([amd.clone(), arm.clone()]));
    let look = rig.requests.look(&rig.wanted("a:1 linux/amd64 linux/arm64")).await.unwrap();
    assert_eq!(
        (look.whole.size(), look.missing, look.ahead),
        (size(&amd) + size(&arm), look.whole.size(), 0)
    );
    let text = "docker pull --platform linux/arm64 a:1 linux/amd64";
    let (first, is_new) = rig.ask(text, "alice").await.unwrap();
    assert!(is_new && first.position.position == Some(0));
    assert_eq!(first.record.platforms, "linux/amd64,linux/arm64");
    let (joined, is_new) = rig.ask("linux/arm64 linux/amd64 a:1", "bob").await.unwrap();
    assert_eq!((joined.record.id, joined.record.askers, is_new), (first.record.id, 2, false));
    rig.work();
    let done = rig.ended(first.record.id).await;
    assert_eq!(done.record.step.status, ImageRequestStatus::Done, "{:?}", done.record.detail);
    assert_eq!(done.record.step.bytes_done, size(&amd) + size(&arm));
    assert_eq!(rig.requests.look(&rig.wanted("a:1")).await.unwrap().missing, 0);
    let pins = rig.mirror.pins(&PinFilter::default(), &Page::default()).await.unwrap().pins;
    assert_eq!(pins.len(), 1, "it is not evicted before they pull it");
    assert_eq!(
        (pins[0].pin.source, &pins[0].pin.held_by),
        (PinSource::Requested, &first.record.id.to_string())
    );
    assert!(pins[0].pin.expires.is_some());
    rig.upstream.stop().await;
    let rig = rig.restart().await;
    let key = rig.target("a").key;
    rig.mirror.manifest(&rig.target("a"), &"1".parse().unwrap()).await.unwrap();
    for (digest, _) in amd.blobs().iter().chain(arm.blobs()) {
        assert!(rig.mirror.held_bytes(&key, digest).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_usual_platforms_are_those_that_the_image_has() {
    let mut rig =
        Rig::start(|section| section.platforms = vec!["linux/amd64".into(), "linux/arm64".into()]).await;
    rig.upstream.put_image("library/a", "1", &image(1, "linux/arm64"));
    rig.work();
    let id = rig.asked("a:1").await;
    assert_eq!(rig.ended(id).await.record.platforms, "linux/arm64");
    let refused = rig.ask("a:1 linux/amd64", "alice").await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`docker.io/library/a:1` is not for `linux/amd64`; it is for `linux/arm64`",
        "who names a platform means it"
    );
}

// operate.md row 54
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_is_none_is_told_before_it_is_queued() {
    let rig = Rig::start(|section| section.size = Some(bytesize::ByteSize(50_000))).await;
    rig.upstream.put_image("library/a", "1", &image(1, "linux/amd64"));
    let refused = rig.ask("a:1", "alice").await.unwrap_err();
    assert!(matches!(refused, Error::TooLarge { limit: 50_000, .. }), "{refused}");
    assert!(matches!(rig.ask("a:2", "alice").await, Err(Error::Mirror(_))));
    assert!(matches!(rig.ask("local/a:1", "alice").await, Err(Error::Hosted(_))));
    assert!(!rig.requests.are_open());
    assert!(rig.requests.list(&ImageRequestFilter::default(), 9).await.unwrap().rows.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_and_the_queue_have_limits() {
    let rig = Rig::start(|section| {
        section.queue = 3;
        section.per_client = PerClient { open: Some(2), daily: Some(3) };
    })
    .await;
    for tag in ["1", "2", "3", "4", "5"] {
        rig.upstream.put_image("library/a", tag, &image(tag.parse().unwrap(), "linux/amd64"));
    }
    rig.asked("a:1").await;
    rig.asked("a:2").await;
    assert!(matches!(rig.ask("a:3", "alice").await, Err(Error::TooManyOpen(2))));
    assert!(rig.ask("a:2", "alice").await.is_ok(), "it is asked for already");
    assert!(rig.ask("a:3", "bob").await.is_ok());
    assert!(matches!(rig.ask("a:4", "bob").await, Err(Error::Full(3))));
    assert!(!rig.ask("a:1", "bob").await.unwrap().1, "whoever joins takes no place");
    rig.requests.leave(1, "alice").await.unwrap();
    rig.asked("a:3").await;
    rig.requests.leave(2, "alice").await.unwrap();
    let refused = rig.ask("a:5", "alice").await.unwrap_err();
    assert!(matches!(refused, Error::TooManyToday { limit: 3, .. }), "{refused}");
    let exempt = Requester { client: "alice".to_owned(), is_exempt: true };
    assert!(rig.requests.ask(&rig.wanted("a:5"), &exempt).await.is_ok());
}

// operate.md row 52
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_makes_room_and_what_nobody_wants_is_stopped() {
    let mut rig = Rig::start(|section| section.at_once = 1).await;
    for tag in ["1", "2", "3"] {
        rig.upstream.put_image("library/a", tag, &image(tag.parse().unwrap(), "linux/amd64"));
    }
    let gate = Gate::new();
    let layer = image(1, "linux/amd64").blobs()[1].0;
    rig.upstream.fault(
        Fault::on(Match::blobs().get().digest(&layer)).always().then(Action::GateAfter(0, gate.clone())),
    );
    for text in ["a:1", "a:2", "a:3"] {
        rig.asked(text).await;
    }
    rig.ask("a:2", "bob").await.unwrap();
    rig.work();
    patiently("the first one to begin", gate.reached(1)).await;
    let position =
        async |id| rig.requests.watch(id, None).await.unwrap().next().await.unwrap().position.position;
    assert_eq!((position(1).await, position(2).await, position(3).await), (None, Some(0), Some(1)));
    rig.requests.leave(2, "alice").await.unwrap();
    assert_eq!(position(3).await, Some(1), "bob still waits for it");
    rig.requests.leave(2, "bob").await.unwrap();
    assert_eq!(position(3).await, Some(0));
    assert_eq!(rig.ended(2).await.record.step.status, ImageRequestStatus::Canceled);
    assert!(matches!(rig.requests.leave(2, "bob").await, Err(Error::Ended(2))));
    assert!(matches!(rig.requests.leave(3, "eve").await, Err(Error::Unknown(_))));
    assert!(rig.requests.watch(3, Some("eve")).await.is_err(), "it is somebody else's");
    rig.requests.leave(1, "alice").await.unwrap();
    assert_eq!(rig.ended(1).await.record.step.status, ImageRequestStatus::Canceled);
    gate.open();
    assert_eq!(rig.ended(3).await.record.step.status, ImageRequestStatus::Done);
    assert!(!rig.requests.are_open());
}

#[tokio::test(flavor = "multi_thread")]
async fn open_requests_go_on_after_a_restart_in_their_order() {
    let mut rig = Rig::start(|section| section.at_once = 1).await;
    let gate = Gate::new();
    for tag in ["1", "2"] {
        rig.upstream.put_image("library/a", tag, &image(tag.parse().unwrap(), "linux/amd64"));
    }
    let layer = image(1, "linux/amd64").blobs()[1].0;
    rig.upstream.fault(
        Fault::on(Match::blobs().get().digest(&layer)).always().then(Action::GateAfter(0, gate.clone())),
    );
    rig.asked("a:1").await;
    rig.asked("a:2").await;
    rig.work();
    patiently("the first one to begin", gate.reached(1)).await;
    let mut rig = rig.restart().await;
    assert!(rig.requests.are_open());
    let open = rig.requests.list(&ImageRequestFilter::default(), 9).await.unwrap().rows;
    let places: Vec<_> = open.iter().map(|state| (state.record.id, state.position.position)).collect();
    assert_eq!(places, [(2, Some(1)), (1, Some(0))]);
    gate.open();
    rig.upstream.clear_faults();
    rig.work();
    for id in [1, 2] {
        assert_eq!(rig.ended(id).await.record.step.status, ImageRequestStatus::Done);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_has_a_reason() {
    let mut rig = Rig::start(|_| ()).await;
    let (gone, denied) = (image(1, "linux/amd64"), image(2, "linux/amd64"));
    rig.upstream.put_image("library/a", "1", &gone);
    rig.upstream.put_image("library/b", "1", &denied);
    let (one, two) = (rig.asked("a:1").await, rig.asked("b:1").await);
    rig.upstream.delete_blob("library/a", &gone.blobs()[1].0);
    let on = Match::blobs().get().digest(&denied.blobs()[1].0);
    rig.upstream.fault(Fault::on(on).always().then(Action::status(403)));
    rig.work();
    for (id, fault) in [(one, RequestFault::NotFound), (two, RequestFault::Denied)] {
        let ended = rig.ended(id).await;
        assert_eq!(ended.record.error.as_deref(), Some(fault.as_str()), "{:?}", ended.record.detail);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_is_tried_again() {
    let mut rig = Rig::start(|_| ()).await;
    let image = image(1, "linux/amd64");
    rig.upstream.put_image("library/a", "1", &image);
    let id = rig.asked("a:1").await;
    let on = Match::blobs().get().digest(&image.blobs()[1].0);
    rig.upstream.fault(Fault::on(on).then(Action::status(500)));
    rig.work();
    assert_eq!(rig.ended(id).await.record.step.status, ImageRequestStatus::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_too_long_leaves_the_queue() {
    let mut rig = Rig::start(|section| section.wait = Duration::ZERO).await;
    rig.upstream.put_image("library/a", "1", &image(1, "linux/amd64"));
    let id = rig.asked("a:1").await;
    // A moment later than it was asked for.
    let asked = async || {
        (std::time::SystemTime::now()
            > rig.requests.watch(id, None).await.unwrap().next().await?.record.created)
            .then_some(())
    };
    until_answer("time to pass", asked).await;
    rig.work();
    let lapsed = rig.ended(id).await;
    assert_eq!(lapsed.record.step.status, ImageRequestStatus::Canceled);
    assert_eq!(lapsed.record.error.as_deref(), Some(RequestFault::Lapsed.as_str()));
}
