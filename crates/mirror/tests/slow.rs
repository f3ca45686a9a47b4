//! Upstreams that stall, trickle, fail for long or have had enough: U03 to U08 of `docs/reference/faults.md`.
//!
//! What outside of tests is waited for half a minute is waited for a moment here. Requests and bytes are counted, never
//! time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use entrepot_mirror::{Error, UpstreamFault};
use entrepot_oci::Digest;
use entrepot_remote::{FAILURES, Patience};
use entrepot_testkit::{Action, Fault, Gate, Match, ResponseEnd, TestImage, TestRegistry};
use support::{Rig, read};

const MIB: usize = 1 << 20;
const HOUR: Duration = Duration::from_secs(3600);

fn hasty() -> Patience {
    Patience { idle: Duration::from_millis(400), give_up: Duration::from_secs(4), ..Patience::default() }
}

async fn registries(count: usize, image: &TestImage) -> Vec<TestRegistry> {
    let mut registries = Vec::new();
    for _ in 0..count {
        let registry = TestRegistry::start().await;
        registry.put_image("library/a", "1", image);
        registries.push(registry);
    }
    registries
}

/// A hasty mirror of so many endpoints that all have this blob.
async fn rig(endpoints: usize) -> (Rig, Digest, Bytes) {
    rig_with(endpoints, hasty()).await
}

async fn rig_with(endpoints: usize, patience: Patience) -> (Rig, Digest, Bytes) {
    let image = TestImage::random(3, 1, 2 * MIB);
    let rig = Rig::with_patience(registries(endpoints, &image).await, patience).await;
    let (digest, bytes) = image.blobs()[1].clone();
    (rig, digest, bytes)
}

fn blobs() -> Match {
    Match::blobs().get()
}

// U03
#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_always_breaks_off_ends_the_answer_short() {
    let (rig, digest, bytes) = rig_with(1, Patience::default()).await;
    rig.upstream.fault(Fault::on(blobs().unranged()).then(Action::CutAfter(MIB as u64)));
    rig.upstream.fault(Fault::on(blobs().ranged()).always().then(Action::CutAfter(0)));
    let had = rig.blob_bytes("a", &digest).await.unwrap_err();
    assert!(had <= MIB);
    assert!(!rig.keeps(&digest));
    let gets = rig.upstream.log().blob_gets();
    assert_eq!(gets.len(), 5, "one, and four attempts to go on");
    assert!(gets[1..].iter().all(|get| get.range.is_some()));
    // What came is kept for whoever asks next.
    rig.upstream.clear_faults();
    rig.upstream.clear_log();
    assert_eq!(rig.blob_in_the_end("a", &digest).await, bytes);
    assert!(rig.upstream.log().blob_gets().iter().all(|get| get.range.is_some()));
}

// U04: once, somewhere in the middle or right behind the headers.
#[tokio::test(flavor = "multi_thread")]
async fn a_stall_is_resumed() {
    for at in [0, MIB as u64] {
        let (rig, digest, bytes) = rig(1).await;
        rig.upstream.fault(Fault::on(blobs()).then(Action::StallAfter(at)));
        assert_eq!(rig.blob_bytes("a", &digest).await.unwrap(), bytes);
        let gets = rig.upstream.log().blob_gets();
        assert_eq!((gets.len(), gets[0].end), (2, ResponseEnd::Left));
    }
}

// U04: for good.
#[tokio::test(flavor = "multi_thread")]
async fn where_one_endpoint_stalls_the_next_goes_on() {
    let (rig, digest, bytes) = rig(2).await;
    rig.upstream.fault(Fault::on(blobs()).always().then(Action::StallAfter(MIB as u64)));
    assert_eq!(rig.blob_bytes("a", &digest).await.unwrap(), bytes);
    let (first, second) = (rig.endpoint(0).log().blob_gets(), rig.endpoint(1).log().blob_gets());
    assert_eq!((first.len(), second.len()), (1, 1));
    assert!(second[0].range.is_some());
}

// U04: and nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_stall_without_end_ends_the_answer() {
    let (rig, digest, bytes) = rig(1).await;
    rig.upstream.fault(Fault::on(blobs()).always().then(Action::StallAfter(MIB as u64)));
    let had = rig.blob_bytes("a", &digest).await.unwrap_err();
    assert!((1..bytes.len()).contains(&had), "{had}");
    rig.upstream.clear_faults();
    assert_eq!(rig.blob_in_the_end("a", &digest).await, bytes);
}

// U04: before there is a header.
#[tokio::test(flavor = "multi_thread")]
async fn silence_instead_of_an_answer_is_told() {
    let image = TestImage::random(3, 1, 10);
    let patience = Patience { headers: Duration::from_millis(300), ..hasty() };
    let rig = Rig::with_patience(registries(1, &image).await, patience).await;
    rig.upstream.fault(Fault::on(Match::any()).always().then(Action::Gate(Gate::new())));
    let timed_out = |error: &Error| matches!(error, Error::Upstream { fault: UpstreamFault::TimedOut, .. });
    assert!(rig.manifest("a", "1").await.is_err_and(|error| timed_out(&error)));
    let refused = rig.blob("a", &image.blobs()[0].0).await.err().unwrap();
    assert!(timed_out(&refused), "{refused}");
}

// U04: in the middle of a manifest.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_manifest_is_not_waited_for() {
    let image = TestImage::random(3, 1, 10);
    let rig = Rig::with_patience(registries(2, &image).await, hasty()).await;
    rig.upstream.fault(Fault::on(Match::manifests().get()).always().then(Action::StallAfter(10)));
    assert_eq!(rig.manifest("a", "1").await.unwrap().manifest.digest, *image.digest());
    assert_eq!(rig.endpoint(1).log().manifest_gets().len(), 1);
}

// U05
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_trickles_is_left_and_nobody_else_suffers() {
    let (rig, digest, bytes) = rig(2).await;
    let rig = std::sync::Arc::new(rig);
    let (other, content) = (rig.upstream.put_blob("library/a", vec![5; 300_000]), vec![5; 300_000]);
    // As one byte a second is to half a minute.
    rig.upstream.fault(Fault::on(blobs().digest(&digest)).always().then(Action::Trickle(50)));
    let crawling = tokio::spawn({
        let rig = std::sync::Arc::clone(&rig);
        async move { rig.blob_bytes("a", &digest).await }
    });
    rig.upstream.until(|log| log.of(&digest).blob_gets().bytes_sent() > 3).await;
    assert_eq!(rig.blob_bytes("a", &other).await.unwrap(), content);
    assert_eq!(crawling.await.unwrap().unwrap(), bytes);
    let first = rig.endpoint(0).log().of(&digest).blob_gets();
    let second = rig.endpoint(1).log().blob_gets();
    assert_eq!((first.len(), second.len()), (1, 1));
    assert!(first.bytes_sent() < 200, "{}", first.bytes_sent());
    // What the first sent is not asked for again.
    assert!(second[0].range.as_deref().is_some_and(|range| range != "bytes=0-"), "{:?}", second[0].range);
}

// U05: where there is nobody else, the connection is changed, and then the answer ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_trickle_without_end_ends_the_answer() {
    let (rig, digest, bytes) = rig(1).await;
    rig.upstream.fault(Fault::on(blobs()).always().then(Action::Trickle(50)));
    let had = rig.blob_bytes("a", &digest).await.unwrap_err();
    assert!(had < 1000, "{had} of {}", bytes.len());
    assert!(rig.upstream.log().blob_gets().len() > 1);
}

// U07
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_answered_from_what_is_held() {
    let rig = Rig::start().await;
    let images: Vec<_> = (0..10).map(|seed| TestImage::random(seed, 1, 10)).collect();
    for (tag, image) in images.iter().enumerate() {
        rig.upstream.put_image("library/a", &format!("t{tag}"), image);
        rig.pull("a", &format!("t{tag}"), image).await;
    }
    rig.clock.advance(HOUR);
    rig.upstream.clear_log();
    rig.upstream.fault(Fault::on(Match::any()).always().then(Action::status(503)));
    let began = Instant::now();
    for round in 0..30 {
        for (tag, image) in images.iter().enumerate() {
            let served = rig.manifest("a", &format!("t{tag}")).await.unwrap();
            assert_eq!((served.manifest.digest, served.stale), (*image.digest(), true));
            // Whoever has nothing held of it is told at once, at no cost to the upstream.
            let absent = rig.manifest("a", &format!("absent-{round}-{tag}")).await.unwrap_err();
            assert!(matches!(absent, Error::Upstream { fault: UpstreamFault::Failing(503), .. }), "{absent}");
        }
        // The time for which a failed check is left alone passes again and again.
        rig.clock.advance(Duration::from_secs(20));
    }
    let allowed = u64::from(FAILURES) + 1 + began.elapsed().as_secs();
    let asked = rig.upstream.log().len() as u64;
    assert!(asked <= allowed, "{asked} requests, one per second would be {allowed}");
}

// U08
#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_served_while_the_upstream_wants_to_be_left_alone() {
    let rig = Rig::start().await;
    let (image, other) = (TestImage::random(1, 1, 10), TestImage::random(2, 1, 10));
    rig.upstream.put_image("library/a", "1", &image);
    rig.upstream.put_image("library/a", "2", &other);
    rig.pull("a", "1", &image).await;
    rig.clock.advance(HOUR);
    rig.upstream.clear_log();
    let limited = Action::status_with(429, &[("retry-after", "600")], "");
    rig.upstream.fault(Fault::on(Match::manifests()).always().then(limited));
    for _ in 0..30 {
        assert!(rig.manifest("a", "1").await.unwrap().stale);
        let Err(Error::Upstream { fault: UpstreamFault::Limited { retry_after: Some(wait) }, .. }) =
            rig.manifest("a", "2").await
        else {
            panic!("the upstream's limit was not told")
        };
        assert!(wait <= Duration::from_secs(600));
        rig.clock.advance(Duration::from_secs(20));
    }
    assert_eq!(rig.upstream.log().len(), 1);
}

// U08: in the middle of a download.
#[tokio::test(flavor = "multi_thread")]
async fn a_short_wait_is_waited_in_the_middle_of_a_download_and_a_long_one_is_not() {
    for (seconds, goes_on) in [("1", true), ("600", false)] {
        let (rig, digest, bytes) = rig_with(1, Patience::default()).await;
        rig.upstream.fault(Fault::on(blobs().unranged()).then(Action::CutAfter(MIB as u64)));
        let limited = Action::status_with(429, &[("retry-after", seconds)], "");
        rig.upstream.fault(Fault::on(blobs().ranged()).then(limited));
        let got = read(rig.blob("a", &digest).await.unwrap()).await;
        assert_eq!(got.is_ok_and(|got| got == bytes), goes_on);
        assert_eq!(rig.upstream.log().blob_gets().len(), if goes_on { 3 } else { 2 });
    }
}
