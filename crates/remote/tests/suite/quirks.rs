//! Writing to registries with deviating behaviour, and to registries that break off.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use entrepot_oci::{Digest, MediaType, Reference, Tag};
use entrepot_remote::{EgressError, Error, Patience, Refusal, Remote, RemoteSettings, UploadBody};
use entrepot_testkit::{
    Action, Bearer, Capabilities, Fault, Gate, Match, ResourceKind, TestImage, TestRegistry,
};
use http::Method;

use crate::{
    push::{bytes, settings, streamed, to},
    support::{Server, answer, credential, remote, repository},
};

async fn like(capabilities: Capabilities) -> TestRegistry {
    let registry = TestRegistry::start().await;
    registry.capabilities(|can| *can = capabilities);
    registry
}

async fn put(registry: &TestRegistry, image: &TestImage) -> Result<(), Error> {
    let latest = Reference::Tag(Tag::latest());
    let (remote, repository) = (to(registry), repository());
    remote.put_manifest(&repository, &latest, image.media_type(), image.bytes().clone()).await.map(drop)
}

fn about(result: Result<(), Error>) -> (Refusal, String) {
    let error = result.unwrap_err();
    (error.refusal().unwrap(), error.to_string())
}

#[tokio::test]
async fn refusals_say_what_they_are_about() {
    let (image, other) = (TestImage::random(1, 1, 10), TestImage::random(2, 1, 10));
    let swr = like(Capabilities::swr()).await;
    swr.put_untagged("team/app", &image);
    let said = "refused with status 400: MANIFEST_INVALID: Invalid image, fail to parse 'manifest.json'";
    assert_eq!(about(put(&swr, &image).await), (Refusal::Form, said.to_owned()));

    let ecr = like(Capabilities::ecr()).await;
    let said = "refused with status 404: NAME_UNKNOWN: The repository with name 'team/app' does not exist in the registry";
    let refused = to(&ecr).start_upload(&repository()).await.map(drop);
    assert_eq!(about(refused), (Refusal::Repository, said.to_owned()));
    assert_eq!(about(put(&ecr, &image).await).0, Refusal::Repository);
    ecr.put_image("team/app", "latest", &image);
    ecr.put_untagged("team/app", &other);
    put(&ecr, &image).await.unwrap();
    assert_eq!(about(put(&ecr, &other).await).0, Refusal::Immutable);

    let quay = like(Capabilities::quay()).await;
    quay.put_untagged("team/app", &image);
    put(&quay, &image).await.unwrap();
}

#[tokio::test]
async fn a_limit_on_manifests_holds_for_puts_as_well() {
    let hub = like(Capabilities::docker_hub(0)).await;
    let image = TestImage::random(1, 1, 10);
    hub.put_untagged("team/app", &image);
    hub.capabilities(|can| {
        let limit = can.rate_limit.unwrap();
        can.rate_limit = Some(entrepot_testkit::RateLimit { puts: true, retry_after: Some(7), ..limit });
    });
    let limited = put(&hub, &image).await.unwrap_err();
    assert!(matches!(limited, Error::Limited { retry_after: Some(wait) } if wait.as_secs() == 7));
}

#[tokio::test]
async fn a_token_with_fewer_rights_is_a_refusal() {
    let hub = TestRegistry::start().await;
    hub.require_bearer(Bearer::new().at_most(&["pull"]));
    let refused = to(&hub).start_upload(&repository()).await.map(drop);
    let said = "refused with status 403: nobody may push to `team/app` without logging in";
    assert_eq!(about(refused), (Refusal::Rights, said.to_owned()));
    // No request was sent with a token that says it is not good for it.
    assert_eq!(hub.log().uploads().len(), 1);
    let settings = RemoteSettings { credentials: vec![credential("me")], ..settings(&hub) };
    let refused = remote(&settings).start_upload(&repository()).await.map(drop);
    let said = "refused with status 403: `me` may not push to `team/app`";
    assert_eq!(about(refused), (Refusal::Rights, said.to_owned()));
    // It is good enough to read.
    hub.put_image("team/app", "latest", &TestImage::random(1, 1, 10));
    remote(&settings).manifest(&repository(), &Reference::Tag(Tag::latest())).await.unwrap();
}

#[tokio::test]
async fn an_upload_that_is_too_large_is_refused_before_it_is_sent() {
    let registry = like(Capabilities { largest_upload: Some(1 << 20), ..Capabilities::default() }).await;
    let (bytes, digest) = bytes(8 << 20);
    let upload = to(&registry).start_upload(&repository()).await.unwrap();
    assert_eq!(about(upload.send(&digest, streamed(&bytes)).await).0, Refusal::Size);
    let mut upload = to(&registry).start_upload(&repository()).await.unwrap();
    for start in (0..bytes.len()).step_by(1 << 20) {
        upload.chunk(UploadBody::from(bytes.slice(start..start + (1 << 20)))).await.unwrap();
    }
    upload.finish(&digest).await.unwrap();
    assert_eq!(registry.blob("team/app", &digest).unwrap(), bytes);
}

#[tokio::test]
async fn a_chunk_that_breaks_off_goes_on_where_it_stopped() {
    let registry = like(Capabilities { least_chunk: Some(1000), ..Capabilities::default() }).await;
    let (bytes, digest) = bytes(300_000);
    let mut upload = to(&registry).start_upload(&repository()).await.unwrap();
    assert_eq!(upload.least_chunk(), Some(1000));
    upload.chunk(streamed(&bytes.slice(..100_000))).await.unwrap();
    let patches = || Fault::on(Match::uploads().method(Method::PATCH));
    registry.fault(patches().then(Action::HangupAfter(50_000)));
    upload.chunk(streamed(&bytes.slice(100_000..200_000))).await.unwrap_err();
    // The position is known, and nothing is sent twice.
    assert_eq!(upload.position().await.unwrap(), 150_000);
    registry.fault(patches().then(Action::LoseAnswer));
    upload.chunk(UploadBody::from(bytes.slice(150_000..250_000))).await.unwrap_err();
    assert_eq!(upload.position().await.unwrap(), 250_000);
    registry.fault(patches().then(Action::status(503)));
    assert!(matches!(
        upload.chunk(UploadBody::from(bytes.slice(250_000..))).await,
        Err(Error::Failing { status: 503, .. })
    ));
    upload.chunk(UploadBody::from(bytes.slice(250_000..))).await.unwrap();
    upload.finish(&digest).await.unwrap();
    assert_eq!(registry.blob("team/app", &digest).unwrap(), bytes);
    assert_eq!(registry.log()[1].content_range.as_deref(), Some("0-99999"));
}

#[tokio::test]
async fn an_upload_goes_where_it_is_sent_without_the_account() {
    let storage = Server::start(|_| answer(201, &[], "")).await;
    let location = format!("{}/put?signed=yes", storage.named_url());
    let registry = Server::start(move |seen| match seen.authorization() {
        Some("Basic bWU6Y2FuYXJ5") => answer(202, &[("location", &location)], ""),
        _ => answer(401, &[("www-authenticate", "Basic realm=lab")], ""),
    })
    .await;
    let (bytes, digest) = bytes(1000);
    let credentials = vec![credential("me")];
    let settings = RemoteSettings { credentials, private_network: true, ..registry.settings() };
    let upload = remote(&settings).start_upload(&repository()).await.unwrap();
    upload.send(&digest, streamed(&bytes)).await.unwrap();
    let log = storage.log();
    assert_eq!((log.len(), log[0].path.as_str()), (1, format!("/put?signed=yes&digest={digest}").as_str()));
    assert_eq!((log[0].authorization(), log[0].header("content-length")), (None, Some("1000")));

    // Nothing is sent to an address that is not allowed.
    let settings = RemoteSettings { private_network: false, ..settings };
    let refused = remote(&settings).start_upload(&repository()).await;
    let sent = match refused {
        Ok(upload) => upload.send(&digest, streamed(&bytes)).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(sent, Error::Refused(EgressError::PrivateAddress { .. })), "{sent:?}");
    assert_eq!(storage.count(), 1);
}

#[tokio::test]
async fn a_registry_that_takes_nothing_is_left() {
    let registry = TestRegistry::start().await;
    let gate = Gate::new();
    registry.fault(Fault::on(Match::uploads().method(Method::PUT)).always().then(Action::Gate(gate.clone())));
    let short = Duration::from_millis(200);
    let patience = Patience { headers: short, commit: short, ..Patience::default() };
    let remote = Remote::with_patience("lab.test".parse().unwrap(), &settings(&registry), patience).unwrap();
    let (bytes, digest) = bytes(1000);
    for load in [UploadBody::from(bytes.clone()), streamed(&bytes)] {
        let upload = remote.start_upload(&repository()).await.unwrap();
        assert!(matches!(upload.send(&digest, load).await, Err(Error::TimedOut)));
    }
    gate.open();
}

#[tokio::test]
async fn sixty_four_requests_share_as_many_connections() {
    let registry = TestRegistry::start().await;
    let (remote, gate) = (to(&registry), Gate::new());
    registry.put_image("team/app", "latest", &TestImage::random(1, 1, 10));
    for round in 0..2 {
        if round == 0 {
            registry.fault(Fault::on(Match::manifests()).times(64).then(Action::Gate(gate.clone())));
        }
        let latest = Reference::Tag(Tag::latest());
        let asks = (0..64).map(|_| {
            let (remote, latest) = (remote.clone(), latest.clone());
            tokio::spawn(async move { remote.head_manifest(&repository(), &latest).await.map(drop) })
        });
        let asks: Vec<_> = asks.collect();
        if round == 0 {
            gate.reached(64).await;
            gate.open();
        }
        for ask in asks {
            ask.await.unwrap().unwrap();
        }
    }
    let connections: HashSet<_> = registry.log().iter().map(|request| request.peer).collect();
    assert_eq!((registry.log().len(), connections.len()), (128, 64));
}

#[tokio::test]
async fn no_more_requests_at_once_than_allowed() {
    let registry = TestRegistry::start().await;
    let gate = Gate::new();
    registry.fault(Fault::on(Match::any()).always().then(Action::Gate(gate.clone())));
    let remote = remote(&RemoteSettings { concurrency: 3.try_into().ok(), ..settings(&registry) });
    let asks: Vec<_> = (0..9)
        .map(|_| {
            let remote = remote.clone();
            tokio::spawn(async move { remote.start_upload(&repository()).await.map(drop) })
        })
        .collect();
    gate.reached(3).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(gate.arrivals(), 3);
    gate.open();
    for ask in asks {
        ask.await.unwrap().unwrap();
    }
    assert_eq!(registry.log().len(), 9);
}

#[tokio::test]
async fn a_registry_that_counts_is_not_rushed() {
    // Each has a registry of its own: what the first one did does not count against the second.
    let (one, other) = (like(Capabilities::swr()).await, like(Capabilities::swr()).await);
    let hasty = remote(&settings(&one));
    let rate = "16/s".parse().ok();
    let paced = remote(&RemoteSettings { rate, ..settings(&other) });
    let twenty_five = async |remote: &Remote| {
        let repository = repository();
        let asks = (0..25).map(|_| remote.start_upload(&repository));
        futures_util::future::join_all(asks).await.iter().filter(|asked| asked.is_err()).count()
    };
    assert!(twenty_five(&hasty).await > 0);
    assert_eq!(twenty_five(&paced).await, 0);
}

#[tokio::test]
async fn pages_are_followed_whatever_they_say() {
    let image = TestImage::random(1, 0, 0);
    let registry = TestRegistry::start().await;
    for tag in 0..20_000 {
        let tag = format!("v{tag:05}");
        registry.put_manifest("team/app", Some(&tag), &MediaType::OCI_MANIFEST, image.bytes().clone());
    }
    for (capabilities, requests) in [
        (Capabilities::default(), 20),
        (Capabilities::ecr(), 20),
        // The last page is full, and nothing says that it is the last.
        (Capabilities { links: false, ..Capabilities::default() }, 21),
        (Capabilities { links: false, tags_page: Some(500), ..Capabilities::default() }, 41),
        // Long pages are refused, so short ones are requested.
        (Capabilities { longest_page: Some(100), ..Capabilities::default() }, 201),
    ] {
        registry.clear_log();
        registry.capabilities(|can| *can = capabilities.clone());
        let tags = to(&registry).all_tags(&repository()).await.unwrap();
        assert_eq!(
            (tags.len(), registry.log().kind(ResourceKind::Tags).len()),
            (20_000, requests),
            "{capabilities:?}"
        );
    }
}

#[tokio::test]
async fn a_listing_that_goes_round_is_an_error_and_a_foreign_page_is_asked_for_at_home() {
    let page = r#"{"name":"team/app","tags":["a","b"]}"#;
    let round =
        Server::start(move |_| answer(200, &[("link", r#"</v2/team/app/tags/list?n=2>; rel="next""#)], page));
    let refused = round.await.remote().all_tags(&repository()).await.unwrap_err();
    assert_eq!(refused.to_string(), "a page of the listing leads back to one that was there before");
    let abroad = Server::start(move |seen| match seen.path.contains("last=b") {
        false => answer(200, &[("link", r#"<http://elsewhere.example/v2/>; rel="next""#)], page),
        true => answer(200, &[], r#"{"name":"team/app","tags":["c"]}"#),
    });
    let tags = abroad.await.remote().all_tags(&repository()).await.unwrap();
    assert_eq!(tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_digest_that_is_claimed_for_a_manifest_is_compared() {
    let registry = TestRegistry::start().await;
    let image = TestImage::random(1, 1, 10);
    registry.put_untagged("team/app", &image);
    let lie = Action::lie_digest(&Digest::of(Bytes::from_static(b"other").as_ref()));
    registry.fault(Fault::on(Match::manifests().method(Method::PUT)).then(lie));
    assert!(matches!(put(&registry, &image).await, Err(Error::Invalid(_))));
    registry.fault(Fault::on(Match::manifests().method(Method::PUT)).then(Action::LoseAnswer));
    // Pushing a manifest twice is harmless, so the request is repeated.
    put(&registry, &image).await.unwrap();
    assert_eq!(registry.log().manifest_puts().len(), 3);
}
