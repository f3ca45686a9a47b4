//! Each fault from a client's point of view.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::time::Duration;

use entrepot_oci::Digest;
use entrepot_testkit::{
    Action, Bearer, BytePosition, Fault, Gate, Match, ResponseEnd, TestImage, TestRegistry,
    client::{
        ClientError, PullError, Response, get, get_streaming, get_with, pull, request, try_pull, try_request,
    },
};
use http::Method;

const SIZE: usize = 300_000;

struct Scene {
    registry: TestRegistry,
    image: TestImage,
}

impl Scene {
    async fn new() -> Self {
        let (registry, image) = (TestRegistry::start().await, TestImage::random(7, 1, SIZE));
        registry.put_image("app", "1", &image);
        Self { registry, image }
    }

    fn layer(&self) -> &(Digest, bytes::Bytes) {
        &self.image.blobs()[1]
    }

    fn url(&self) -> String {
        format!("{}/v2/app/blobs/{}", self.registry.url(), self.layer().0)
    }

    fn play(&self, action: Action) {
        self.registry.fault(Fault::on(Match::blobs().digest(&self.layer().0)).then(action));
    }

    async fn layer_with(&self, action: Action) -> Response {
        self.play(action);
        get(&self.url()).await
    }
}

#[tokio::test]
async fn plays_as_often_as_told() {
    let scene = Scene::new().await;
    scene.registry.fault(Fault::on(Match::blobs().get()).skip(1).times(2).then(Action::status(503)));
    scene.registry.fault(Fault::on(Match::any().path("/blobs/")).then(Action::status(404)));
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(get(&scene.url()).await.status.as_u16());
    }
    assert_eq!(seen, [404, 503, 503, 200, 200]);
    scene.registry.fault(Fault::on(Match::manifests().tag("1")).always().then(Action::status(500)));
    assert!(matches!(try_pull(&scene.registry.url(), "app", "1").await, Err(PullError::Status(..))));
    pull(&scene.registry.url(), "app", &scene.image.digest().to_string()).await;
    scene.registry.clear_faults();
    pull(&scene.registry.url(), "app", "1").await;
}

#[tokio::test]
async fn answers_something_else() {
    let scene = Scene::new().await;
    let answer = scene.layer_with(Action::status_with(429, &[("retry-after", "7")], "slow down")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after"), answer.text()),
        (429, Some("7"), "slow down".to_owned())
    );
    let answer = scene.layer_with(Action::Html).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    let answer = scene.layer_with(Action::redirect(302, "http://elsewhere.example{path}")).await;
    let wanted = format!("http://elsewhere.example/v2/app/blobs/{}", scene.layer().0);
    assert_eq!((answer.status.as_u16(), answer.header("location")), (302, Some(wanted.as_str())));
}

#[tokio::test]
async fn cuts_at_the_byte() {
    let scene = Scene::new().await;
    for at in [0, 1, SIZE / 2, SIZE - 1, SIZE] {
        let answer = scene.layer_with(Action::CutAfter(at as u64)).await;
        assert!(answer.truncated);
        assert_eq!(answer.header("content-length"), Some("300000"));
        assert_eq!(answer.body, scene.layer().1.slice(..at.min(SIZE - 1)));
        let last = scene.registry.log().last().unwrap().clone();
        assert_eq!((last.end, last.sent), (ResponseEnd::Cut, answer.body.len() as u64));
    }
    let answer = scene.layer_with(Action::ResetAfter(1000)).await;
    assert!(answer.truncated && answer.body.len() <= 1000);
    assert_eq!(get(&scene.url()).await.body, scene.layer().1);
}

#[tokio::test]
async fn hangs_up() {
    let scene = Scene::new().await;
    scene.play(Action::Hangup);
    let answer = try_request(Method::GET, &scene.url(), &[], "").await;
    assert!(matches!(answer, Err(ClientError::Broken(_))));
    assert_eq!((scene.registry.log()[0].status, scene.registry.log()[0].end), (0, ResponseEnd::Cut));
}

#[tokio::test]
async fn breaks_an_upload() {
    let scene = Scene::new().await;
    let url = scene.registry.url();
    let opened = request(Method::POST, &format!("{url}/v2/app/blobs/uploads/"), &[], "").await;
    let session = format!("{url}{}", opened.header("location").unwrap());
    scene.registry.fault(Fault::on(Match::uploads().method(Method::PATCH)).then(Action::HangupAfter(10)));
    assert!(try_request(Method::PATCH, &session, &[], vec![1; 1_000_000]).await.is_err());
    assert_eq!(get(&session).await.header("range"), Some("0-9"));
    scene.registry.fault(Fault::on(Match::uploads()).then(Action::LoseAnswer));
    let whole = format!("{session}?digest={}", Digest::of(&[1; 20]));
    assert!(try_request(Method::PUT, &whole, &[], vec![1; 10]).await.is_err());
    assert_eq!(scene.registry.blob("app", &Digest::of(&[1; 20])).unwrap().len(), 20);
}

#[tokio::test]
async fn waits_at_gates() {
    let scene = Scene::new().await;
    let (before, within) = (Gate::new(), Gate::new());
    scene.registry.fault(
        Fault::on(Match::blobs())
            .then(Action::Gate(before.clone()))
            .then(Action::GateAfter(1000, within.clone())),
    );
    let url = scene.url();
    let asking = tokio::spawn(async move { get_streaming(&url).await });
    before.reached(1).await;
    assert_eq!(scene.registry.log()[0].status, 0);
    before.open();
    let mut streaming = asking.await.unwrap();
    assert_eq!(streaming.read(1000).await.len(), 1000);
    within.reached(1).await;
    let open = scene.registry.log().open();
    assert_eq!((open.len(), open[0].sent, within.arrivals()), (1, 1000, 1));
    within.open();
    let rest = streaming.rest().await;
    assert!(!rest.truncated && rest.body.len() == SIZE - 1000);
    assert_eq!(scene.registry.log()[0].end, ResponseEnd::Complete);
}

#[tokio::test]
async fn stalls_until_the_client_leaves() {
    let scene = Scene::new().await;
    scene.play(Action::StallAfter(5));
    let mut streaming = get_streaming(&scene.url()).await;
    assert_eq!(streaming.read(5).await.len(), 5);
    assert_eq!(scene.registry.log()[0].end, ResponseEnd::Open);
    drop(streaming);
    let log = scene.registry.until(|log| log[0].end != ResponseEnd::Open).await;
    assert_eq!((log[0].end, log[0].sent), (ResponseEnd::Left, 5));
}

#[tokio::test]
async fn stopping_drops_what_is_under_way() {
    let scene = Scene::new().await;
    scene.play(Action::StallAfter(5));
    let streaming = get_streaming(&scene.url()).await;
    scene.registry.stop().await;
    assert!(streaming.rest().await.truncated);
    assert_eq!(scene.registry.log()[0].end, ResponseEnd::Left);
}

#[tokio::test]
async fn sends_wrong_bytes() {
    let scene = Scene::new().await;
    for (place, at) in [(BytePosition::Start, 0), (BytePosition::End, SIZE - 1)] {
        let answer = scene.layer_with(Action::WrongBytes(place)).await;
        let differ: Vec<_> = (0..SIZE).filter(|at| answer.body[*at] != scene.layer().1[*at]).collect();
        assert_eq!((differ, answer.truncated), (vec![at], false));
    }
    scene.registry.fault(Fault::on(Match::manifests()).then(Action::WrongBytes(BytePosition::Start)));
    let by_digest = scene.image.digest().to_string();
    assert!(matches!(
        try_pull(&scene.registry.url(), "app", &by_digest).await,
        Err(PullError::WrongBytes(_))
    ));
}

#[tokio::test]
async fn lies_about_length() {
    let scene = Scene::new().await;
    let whole = scene.layer().1.clone();
    let answer = scene.layer_with(Action::NoLength).await;
    assert_eq!(
        (answer.header("content-length"), answer.header("transfer-encoding")),
        (None, Some("chunked"))
    );
    assert!(!answer.truncated && answer.body == whole);
    let answer = scene.layer_with(Action::UntilClose).await;
    assert_eq!((answer.header("content-length"), answer.header("transfer-encoding")), (None, None));
    assert!(!answer.truncated && answer.body == whole);
    let answer = scene.layer_with(Action::WrongLength(10)).await;
    assert!(answer.truncated && answer.body == whole);
    assert_eq!(answer.header("content-length"), Some("300010"));
    let answer = scene.layer_with(Action::WrongLength(-10)).await;
    assert!(!answer.truncated && answer.body == whole.slice(..SIZE - 10));
    let answer = scene.layer_with(Action::status_with(500, &[("content-length", "5")], "oh")).await;
    assert_eq!((answer.text().as_str(), answer.truncated), ("oh", true));
}

#[tokio::test]
async fn lies_in_headers() {
    let scene = Scene::new().await;
    let other = Digest::of(b"other");
    let answer = scene.layer_with(Action::lie_digest(&other)).await;
    assert_eq!(answer.header("docker-content-digest"), Some(other.to_string().as_str()));
    let answer = scene.layer_with(Action::encoding("gzip")).await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let answer = scene.layer_with(Action::WithoutHeader("content-type".to_owned())).await;
    assert_eq!(answer.header("content-type"), None);
}

#[tokio::test]
async fn never_ends() {
    let scene = Scene::new().await;
    scene.registry.fault(Fault::on(Match::manifests()).then(Action::Endless));
    let mut streaming = get_streaming(&format!("{}/v2/app/manifests/1", scene.registry.url())).await;
    let read = streaming.read(scene.image.bytes().len() * 1000).await;
    assert!(read.starts_with(scene.image.bytes()) && read.len() >= scene.image.bytes().len() * 1000);
    assert_eq!(scene.registry.log()[0].end, ResponseEnd::Open);
}

#[tokio::test]
async fn is_slow() {
    let scene = Scene::new().await;
    scene.play(Action::Trickle(20));
    let mut streaming = get_streaming(&scene.url()).await;
    assert_eq!(streaming.next().await.unwrap().unwrap().len(), 1);
    drop(streaming);
    scene.play(Action::Delay(Duration::from_millis(1)));
    assert_eq!(get(&scene.url()).await.body.len(), SIZE);
    scene.registry.pace(Some(20));
    let mut streaming = get_streaming(&scene.url()).await;
    assert_eq!(streaming.next().await.unwrap().unwrap().len(), 1);
    scene.registry.pace(None);
    assert!(!streaming.rest().await.truncated);
}

#[tokio::test]
async fn ignores_ranges() {
    let scene = Scene::new().await;
    scene.registry.fault(Fault::on(Match::blobs().ranged()).then(Action::IgnoreRange));
    assert_eq!(get(&scene.url()).await.status, 200);
    let answer = get_with(&scene.url(), &[("range", "bytes=5-")]).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, SIZE));
    assert_eq!(get_with(&scene.url(), &[("range", "bytes=5-")]).await.status, 206);
}

#[tokio::test]
async fn waits_for_authentication() {
    let scene = Scene::new().await;
    scene.registry.require_bearer(Bearer::new());
    scene.registry.fault(Fault::on(Match::blobs()).then(Action::status(500)));
    assert_eq!(get(&scene.url()).await.status, 401);
    scene.registry.fault(Fault::on(Match::blobs().before_auth()).then(Action::status(503)));
    assert_eq!(get(&scene.url()).await.status, 503);
    scene.registry.fault(Fault::on(Match::token()).then(Action::status(500)));
    assert_eq!(get(&format!("{}/token", scene.registry.url())).await.status, 500);
}
