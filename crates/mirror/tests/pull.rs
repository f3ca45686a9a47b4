//! Pulls through the mirror: how often the upstream is asked, and what is answered when it cannot be.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::time::Duration;

use entrepot_mirror::{Error, UpstreamFault};
use entrepot_oci::Digest;
use entrepot_testkit::{Action, Fault, Match, ResourceKind, TestImage, until_answer};
use support::Rig;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn cold_and_warm() {
    let rig = Rig::start().await;
    let images = [TestImage::random(1, 3, 100_000), TestImage::random(2, 1, 10).with_platform("linux/arm64")];
    let index = TestImage::index([TestImage::index(images)]);
    rig.upstream.put_image("library/nginx", "1.27", &index);
    rig.pull("nginx", "1.27", &index).await;
    let log = rig.upstream.log();
    assert_eq!(log.blob_gets().len(), index.blobs().len());
    assert_eq!(log.manifest_gets().len(), index.manifests().len());
    rig.upstream.stop().await;
    rig.pull("docker.io/library/nginx", "1.27", &index).await;
    assert_eq!(rig.upstream.log().len(), log.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_forgets_nothing() {
    let mut rig = Rig::start().await;
    let image = TestImage::random(1, 2, 200_000);
    rig.upstream.put_image("library/a", "1", &image);
    rig.pull("a", "1", &image).await;
    rig.restart().await;
    rig.upstream.stop().await;
    rig.pull("a", "1", &image).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_cold_clients_cost_one_download() {
    for clients in [20, 1000] {
        let rig = std::sync::Arc::new(Rig::start().await);
        let image = TestImage::random(7, 4, 300_000);
        rig.upstream.put_image("library/a", "1", &image);
        let pulls: Vec<_> = (0..clients)
            .map(|_| {
                let (rig, image) = (rig.clone(), image.clone());
                tokio::spawn(async move { rig.pull("a", "1", &image).await })
            })
            .collect();
        for pull in pulls {
            pull.await.unwrap();
        }
        let log = rig.upstream.log();
        assert_eq!(log.blob_gets().len(), image.blobs().len(), "{clients} clients");
        assert_eq!(log.manifest_gets().len(), 1, "{clients} clients");
        let manifest = image.bytes().len() as u64;
        let blobs: u64 = image.blobs().iter().map(|(_, bytes)| bytes.len() as u64).sum();
        assert_eq!(log.matching(|request| request.method == "GET").bytes_sent(), manifest + blobs);
    }
}

// A client that looks just while the blob comes to an end sees its bytes before it sees whose they are.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_just_come_for_a_repository_is_not_asked_for_again() {
    let rig = std::sync::Arc::new(Rig::start().await);
    let image = TestImage::random(7, 200, 10);
    rig.upstream.put_image("library/a", "1", &image);
    let pulls = (0..20).map(|_| {
        let (rig, image) = (rig.clone(), image.clone());
        tokio::spawn(async move { rig.pull("a", "1", &image).await })
    });
    for pull in pulls.collect::<Vec<_>>() {
        pull.await.unwrap();
    }
    let log = rig.upstream.log();
    let asked = log.matching(|request| request.method == "HEAD" && request.path.contains("/blobs/"));
    assert_eq!((log.blob_gets().len(), asked.len()), (image.blobs().len(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_look_for_a_cold_blob_ask_once() {
    let rig = std::sync::Arc::new(Rig::start().await);
    let image = TestImage::random(7, 1, 1000);
    rig.upstream.put_image("library/a", "1", &image);
    rig.manifest("a", "1").await.unwrap();
    rig.upstream.clear_log();
    let (digest, bytes) = image.blobs()[1].clone();
    let looks = (0..20).map(|_| {
        let rig = rig.clone();
        tokio::spawn(async move { rig.mirror.blob_head(&rig.target("a"), &digest).await })
    });
    for look in looks.collect::<Vec<_>>() {
        assert_eq!(look.await.unwrap().unwrap().size, Some(bytes.len() as u64));
    }
    assert_eq!(rig.upstream.log().len(), 1);
    let absent = Digest::of(b"absent");
    assert!(rig.mirror.blob_head(&rig.target("a"), &absent).await.is_err());
    rig.upstream.clear_log();
    assert!(rig.mirror.blob_head(&rig.target("a"), &absent).await.is_err());
    assert!(!rig.upstream.log().is_empty(), "only what is there is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_pulls_of_a_fresh_tag_ask_once() {
    let rig = Rig::start().await;
    let image = TestImage::random(1, 1, 10);
    rig.upstream.put_image("library/a", "latest", &image);
    rig.pull("a", "latest", &image).await;
    rig.upstream.clear_log();
    for _ in 0..200 {
        rig.manifest("a", "latest").await.unwrap();
    }
    assert_eq!(rig.upstream.log().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overdue_tag_costs_one_head_and_moves_with_its_upstream() {
    let rig = Rig::start().await;
    let (old, new) = (TestImage::random(1, 1, 10), TestImage::random(2, 1, 10));
    rig.upstream.put_image("library/a", "1", &old);
    rig.pull("a", "1", &old).await;
    rig.clock.advance(HOUR);
    rig.upstream.clear_log();
    rig.pull("a", "1", &old).await;
    let log = rig.upstream.log();
    assert_eq!((log.len(), log.heads().len()), (1, 1));
    rig.upstream.put_image("library/a", "1", &new);
    rig.pull("a", "1", &old).await;
    rig.clock.advance(HOUR);
    rig.pull("a", "1", &new).await;
    // By digest the old one is still there, and nobody is asked.
    rig.upstream.stop().await;
    rig.manifest("a", &old.digest().to_string()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_upstream_means_stale_until_too_old() {
    let rig = Rig::start().await;
    let image = TestImage::random(1, 1, 10);
    rig.upstream.put_image("library/a", "1", &image);
    rig.pull("a", "1", &image).await;
    rig.clock.advance(HOUR);
    for status in [500, 503, 429] {
        rig.upstream.clear_faults();
        rig.upstream.fault(Fault::on(Match::manifests()).always().then(Action::status(status)));
        assert!(rig.manifest("a", "1").await.unwrap().stale, "{status}");
        rig.clock.advance(Duration::from_secs(70));
    }
    rig.upstream.stop().await;
    rig.clock.advance(HOUR);
    assert!(rig.manifest("a", "1").await.unwrap().stale);
    rig.clock.advance(HOUR * 24 * 7);
    assert!(matches!(rig.manifest("a", "1").await, Err(Error::Upstream { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_upstream_is_not_waited_for() {
    let rig = Rig::start().await;
    let image = TestImage::random(1, 1, 10);
    rig.upstream.put_image("library/a", "1", &image);
    rig.pull("a", "1", &image).await;
    rig.clock.advance(HOUR);
    let gate = entrepot_testkit::Gate::new();
    rig.upstream.fault(Fault::on(Match::manifests()).then(Action::Gate(gate.clone())));
    assert!(rig.manifest("a", "1").await.unwrap().stale);
    gate.open();
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_stay_distinct_and_are_remembered() {
    let rig = Rig::start().await;
    rig.upstream.put_image("library/a", "1", &TestImage::random(1, 1, 10));
    for _ in 0..20 {
        assert!(matches!(rig.manifest("a", "absent").await, Err(Error::ManifestUnknown { .. })));
    }
    // A `HEAD`, and a `GET` because some registries do not know what they have when they get a `HEAD`.
    let asked = rig.upstream.log().matching(|request| request.path.ends_with("absent"));
    assert_eq!((asked.len(), asked.heads().len()), (2, 1));
    // The limit comes last: behind it nothing is asked for a while.
    for (status, tag) in [(403, "x403"), (500, "x500"), (429, "x429")] {
        let on = Match::manifests().tag(tag);
        rig.upstream.fault(Fault::on(on).always().then(Action::status(status)));
        let Err(Error::Upstream { fault, .. }) = rig.manifest("a", tag).await else { panic!("{status}") };
        let expected = match status {
            403 => matches!(fault, UpstreamFault::Denied(_)),
            429 => matches!(fault, UpstreamFault::Limited { .. }),
            _ => matches!(fault, UpstreamFault::Failing(500)),
        };
        assert!(expected, "{status}: {fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_download_nothing() {
    let rig = Rig::start().await;
    let image = TestImage::random(1, 1, 50_000);
    rig.upstream.put_image("library/a", "1", &image);
    let target = rig.target("a");
    let head = rig.mirror.manifest_head(&target, &"1".parse().unwrap()).await.unwrap();
    assert_eq!((head.digest, head.size), (*image.digest(), Some(image.bytes().len() as u64)));
    for (digest, bytes) in image.blobs() {
        let head = rig.mirror.blob_head(&target, digest).await.unwrap();
        assert_eq!(head.size, Some(bytes.len() as u64));
    }
    let log = rig.upstream.log();
    assert_eq!(log.heads().len(), log.len());
    // The GET that follows a HEAD need not ask what the tag is.
    rig.upstream.clear_log();
    rig.manifest("a", "1").await.unwrap();
    assert_eq!(rig.upstream.log().heads().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_held_for_one_repository_is_not_given_out_by_another_that_lacks_it() {
    let mut rig = Rig::start().await;
    let image = TestImage::random(1, 1, 50_000);
    rig.upstream.put_image("library/a", "1", &image);
    rig.upstream.put_image("library/b", "1", &TestImage::random(2, 1, 10));
    rig.upstream.put_image("library/c", "1", &image);
    rig.pull("a", "1", &image).await;
    let (digest, bytes) = &image.blobs()[1];
    rig.until_kept(digest).await;
    // A download that is still being recorded would be joined instead.
    rig.restart().await;
    rig.upstream.clear_log();
    assert!(matches!(rig.blob("b", digest).await, Err(Error::BlobUnknown { .. })));
    assert!(rig.upstream.log().blob_gets().iter().all(|get| get.status == 404));
    rig.upstream.clear_log();
    assert_eq!(rig.blob_bytes("c", digest).await.as_ref(), Ok(bytes));
    let log = rig.upstream.log();
    assert_eq!((log.blob_gets().len(), log.kind(ResourceKind::Blob).heads().len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_from_upstream_and_from_memory_when_it_is_gone() {
    let rig = Rig::start().await;
    let image = TestImage::random(1, 1, 10);
    let signature = TestImage::random(9, 1, 10).artifact("example/signature").refer_to(&image);
    rig.upstream.put_image("library/a", "1", &image);
    rig.upstream.put_image("library/a", "2", &image);
    rig.upstream.put_image("library/a", "sig", &signature);
    let target = rig.target("a");
    let page = entrepot_oci::Page::default();
    assert_eq!(rig.mirror.tags(&target, &page).await.unwrap().tags.len(), 3);
    let referrers = rig.mirror.referrers(&target, image.digest()).await.unwrap();
    assert_eq!(referrers.descriptors[0].digest, *signature.digest());
    rig.pull("a", "1", &image).await;
    rig.pull("a", "sig", &signature).await;
    let none = rig.mirror.referrers(&target, signature.digest()).await.unwrap();
    assert!(none.descriptors.is_empty() && !none.stale);
    rig.upstream.stop().await;
    // That there are none was said, not made up.
    let none = rig.mirror.referrers(&target, signature.digest()).await.unwrap();
    assert!(none.descriptors.is_empty() && none.stale);
    // What was pulled is recorded right after the answer.
    let both = async || rig.mirror.tags(&target, &page).await.ok().filter(|listed| listed.tags.len() == 2);
    let listed = until_answer("both tags to be recorded", both).await;
    assert!(listed.stale);
    let known = rig.mirror.referrers(&target, image.digest()).await.unwrap();
    assert!(known.stale && known.descriptors[0].digest == *signature.digest());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_frees_what_only_it_needed() {
    let rig = Rig::start().await;
    let shared = bytes::Bytes::from(vec![7; 100_000]);
    let own = |seed: u8| TestImage::layers([shared.clone(), bytes::Bytes::from(vec![seed; 90_000])]);
    let (a, b) = (own(1), own(2));
    rig.upstream.put_image("library/a", "1", &a);
    rig.upstream.put_image("library/a", "2", &b);
    rig.pull("a", "1", &a).await;
    rig.pull("a", "2", &b).await;
    for (digest, _) in a.blobs().iter().chain(b.blobs()) {
        rig.until_kept(digest).await;
    }
    let key = rig.target("a").key;
    let both = async || (rig.mirror.holdings().await.unwrap().tags == 2).then_some(());
    until_answer("both tags to be recorded", both).await;
    let images = rig.mirror.images(&key, &entrepot_oci::Page::default()).await.unwrap();
    assert_eq!(images.images.len(), 2);
    let removal = rig.mirror.remove(&key, Some(&"1".parse().unwrap())).await.unwrap();
    assert_eq!(removal.manifests, 1);
    assert!(removal.freed > 90_000 && removal.freed < 190_000, "{removal:?}");
    rig.upstream.stop().await;
    rig.pull("a", "2", &b).await;
    assert!(rig.manifest("a", "1").await.is_err());
}
