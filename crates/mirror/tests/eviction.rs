//! What goes when there is too much, and what stays.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use bytesize::ByteSize;
use entrepot_mirror::{
    Error, EvictionEnd, EvictionReason, EvictionReport, MirrorSettings, NewPin, PinFilter, PinSource,
};
use entrepot_oci::{Digest, Page};
use entrepot_testkit::{TestImage, until, until_answer};
use futures_util::{StreamExt as _, stream};
use http::Method;
use support::{Rig, streaming};

const HOUR: Duration = Duration::from_secs(60 * 60);
const MIB: usize = 1 << 20;

/// Images `a`, `b` and `c` of 1 MiB each, pulled once, twice and three times by as many clients.
async fn three(rig: &Rig) -> [TestImage; 3] {
    let images = [1, 2, 3].map(|seed| TestImage::random(seed, 1, MIB));
    for (name, image) in ["a", "b", "c"].iter().zip(&images) {
        rig.upstream.put_image(&format!("library/{name}"), "1", image);
        pull_and_keep(rig, name, image).await;
    }
    for (name, times) in [("b", 1), ("c", 2)] {
        for by in 1..=times {
            rig.mirror.manifest_for(&rig.target(name), &"1".parse().unwrap(), by).await.unwrap();
        }
    }
    images
}

async fn pull_and_keep(rig: &Rig, name: &str, image: &TestImage) {
    rig.pull(name, "1", image).await;
    until_recorded(rig, name, image).await;
}

/// Waits until all of an image is recorded: what is mirrored is served before that.
async fn until_recorded(rig: &Rig, name: &str, image: &TestImage) {
    let key = rig.target(name).key;
    let recorded = async || {
        let images = rig.mirror.images(&key, &Page::default()).await.ok()?.images;
        images.iter().any(|held| held.digest == *image.digest() && held.bytes >= image.size()).then_some(())
    };
    until_answer("the image to be recorded", recorded).await;
}

async fn evict(rig: &Rig, plan: Option<&Digest>, free: Option<u64>) -> EvictionReport {
    rig.mirror.begin_eviction(plan, free).await.unwrap();
    ended(rig).await
}

async fn ended(rig: &Rig) -> EvictionReport {
    let ended = || {
        let state = rig.mirror.eviction();
        state.last.filter(|_| state.running.is_none())
    };
    until("the eviction to end", ended).await
}

fn layer(image: &TestImage) -> Digest {
    image.blobs().iter().max_by_key(|(_, bytes)| bytes.len()).unwrap().0
}

fn by_hand(rig: &Rig, name: &str, digest: Digest) -> NewPin {
    NewPin {
        key: rig.target(name).key,
        digest,
        source: PinSource::Hand,
        held_by: "ann".to_owned(),
        reason: "it is mine".to_owned(),
        expires: None,
    }
}

// Rows 60, 65
#[tokio::test(flavor = "multi_thread")]
async fn the_image_that_is_worth_least_goes_whole_and_no_other() {
    let rig = Rig::start().await;
    let [a, b, c] = three(&rig).await;
    rig.clock.advance(2 * HOUR);
    let report = evict(&rig, None, Some(1)).await;
    assert_eq!((&report.end, report.images, report.spared), (&EvictionEnd::Done, 1, 0));
    assert!(report.freed >= a.size(), "{report:?}");
    assert!(report.free_before.is_some() && report.free_after.is_some());
    assert!(!rig.keeps(&layer(&a)) && !rig.keeps(a.digest()), "its bytes are gone when it ends");
    assert!(rig.keeps(&layer(&b)) && rig.keeps(&layer(&c)));
    let images = rig.mirror.repositories(None, &Page::default()).await.unwrap().repositories;
    assert_eq!(images.len(), 2, "{images:?}");
    rig.upstream.clear_log();
    rig.pull("b", "1", &b).await;
    assert_eq!(rig.upstream.log().count(Method::GET, "/v2/library"), 0);
    rig.pull("a", "1", &a).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_young_pinned_or_hosted_stays() {
    let rig = Rig::start().await;
    let images = three(&rig).await;
    let hosted = Bytes::from(vec![7; MIB]);
    let pushed = Digest::of(&hosted);
    rig.mirror.push_blob(&rig.target("local/app"), &pushed, stream::iter([Ok(hosted)])).await.unwrap();
    assert_eq!(evict(&rig, None, Some(u64::MAX)).await.images, 0, "all are young");

    rig.clock.advance(2 * HOUR);
    rig.mirror.pin(&[by_hand(&rig, "a", *images[0].digest())]).await.unwrap();
    // One pull a moment ago, which is not recorded yet.
    rig.manifest("b", "1").await.unwrap();
    let report = evict(&rig, None, Some(u64::MAX)).await;
    assert_eq!((report.images, report.end), (1, EvictionEnd::Done));
    assert!(rig.keeps(&layer(&images[0])), "it is pinned");
    assert!(rig.keeps(&layer(&images[1])), "it was pulled just now");
    assert!(!rig.keeps(&layer(&images[2])));
    assert!(rig.keeps(&pushed), "what was pushed here is nobody else's");

    let filter = PinFilter { source: Some(PinSource::Hand), ..PinFilter::default() };
    assert_eq!(rig.mirror.pins(&filter, &Page::default()).await.unwrap().pins.len(), 1);
    assert_eq!(rig.mirror.unpin(&filter).await.unwrap(), 1);
    assert_eq!(evict(&rig, None, Some(u64::MAX)).await.images, 1);
    assert!(!rig.keeps(&layer(&images[0])));
}

// C04
#[tokio::test(flavor = "multi_thread")]
async fn what_another_image_needs_stays_for_it() {
    let rig = Rig::start().await;
    let image = TestImage::random(1, 1, MIB);
    for name in ["a", "b"] {
        rig.upstream.put_image(&format!("library/{name}"), "1", &image);
        pull_and_keep(&rig, name, &image).await;
    }
    rig.mirror.pin(&[by_hand(&rig, "b", *image.digest())]).await.unwrap();
    rig.clock.advance(2 * HOUR);
    let plan = rig.mirror.eviction_plan(Some(u64::MAX)).await.unwrap();
    assert!(plan.images.is_empty(), "to let the other go frees nothing: {plan:?}");
    rig.mirror.remove(&rig.target("a").key, None).await.unwrap();
    rig.upstream.clear_log();
    rig.pull("b", "1", &image).await;
    assert_eq!(rig.upstream.log().count(Method::GET, "/v2/library"), 0);
}

// C03
#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_it_reads_it_to_the_end() {
    let rig = Rig::start().await;
    let [a, ..] = three(&rig).await;
    let (digest, bytes) = a.blobs().iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let opened = rig.blob("a", digest).await.unwrap();
    rig.clock.advance(2 * HOUR);
    assert_eq!(evict(&rig, None, Some(1)).await.images, 1);
    assert!(!rig.keeps(digest));
    assert_eq!(support::read(opened).await.as_ref(), Ok(bytes));
    // And whoever comes now gets it from the upstream.
    assert_eq!(rig.blob_bytes("a", digest).await.as_ref(), Ok(bytes));
}

// Rows 57, 58
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_carried_out_exactly() {
    let rig = Rig::start().await;
    let [a, b, c] = three(&rig).await;
    rig.clock.advance(2 * HOUR);
    let plan = rig.mirror.eviction_plan(Some(1)).await.unwrap();
    let digests: Vec<_> = plan.images.iter().map(|image| (image.digest, image.reason)).collect();
    assert_eq!(digests, [(Some(*a.digest()), EvictionReason::Room)]);
    let more = rig.mirror.eviction_plan(Some(MIB as u64 + 100_000)).await.unwrap();
    assert_eq!(more.images.len(), 2);
    assert_ne!(more.digest, plan.digest);
    assert_eq!(rig.mirror.eviction_plan(Some(1)).await.unwrap().digest, plan.digest);

    let unknown = rig.mirror.begin_eviction(Some(&Digest::of(b"?")), Some(1)).await;
    assert!(matches!(unknown, Err(Error::PlanChanged)), "{unknown:?}");
    let report = evict(&rig, Some(&plan.digest), None).await;
    assert_eq!(report.images, 1);
    assert!(!rig.keeps(&layer(&a)) && rig.keeps(&layer(&b)) && rig.keeps(&layer(&c)));
    let again = evict(&rig, Some(&plan.digest), None).await;
    assert_eq!((again.images, again.spared), (0, 1), "it is not there any more");
}

// Row 62
#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_room_passes_without_being_kept() {
    let max_size = Some(ByteSize::mib(4));
    let rig = Rig::with_settings(MirrorSettings { max_size, ..MirrorSettings::default() }).await;
    let large = TestImage::random(1, 2, 700 << 10);
    rig.upstream.put_image("library/large", "1", &large);
    rig.pull("large", "1", &large).await;
    rig.until_nothing_is_staged().await;
    assert!(!rig.keeps(&layer(&large)), "it would take more than a quarter");

    rig.mirror.pin(&[by_hand(&rig, "large", *large.digest())]).await.unwrap();
    rig.pull("large", "1", &large).await;
    rig.until_kept(&layer(&large)).await;

    for seed in 2..7 {
        let (name, image) = (format!("i{seed}"), TestImage::random(seed, 1, 800 << 10));
        rig.upstream.put_image(&format!("library/{name}"), "1", &image);
        rig.pull(&name, "1", &image).await;
        rig.until_nothing_is_staged().await;
    }
    let held = rig.mirror.holdings().await.unwrap().bytes;
    assert!(held <= 4 << 20, "{held}");
}

// Row 56, S13
#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_at_once_waits_for_somebody_to_look() {
    let keep_for = Some(24 * HOUR);
    let rig = Rig::with_settings(MirrorSettings { keep_for, ..MirrorSettings::default() }).await;
    for number in 0..101 {
        let (name, image) = (format!("r{number}"), TestImage::random(number, 0, 1));
        rig.upstream.put_image(&format!("library/{name}"), "1", &image);
        pull_and_keep(&rig, &name, &image).await;
    }
    // The clock jumps.
    rig.clock.advance(400 * 24 * HOUR);
    let report = evict(&rig, None, None).await;
    assert_eq!((report.images, report.held_back), (0, 101));
    let plan = rig.mirror.eviction_plan(None).await.unwrap();
    assert!(plan.is_doubtful);
    assert_eq!(evict(&rig, Some(&plan.digest), None).await.images, 101, "who names the plan has looked");
}

// Row 64
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_pulls_goes_after_its_time() {
    let keep_for = Some(24 * HOUR);
    let rig = Rig::with_settings(MirrorSettings { keep_for, ..MirrorSettings::default() }).await;
    let [a, b, c] = three(&rig).await;
    rig.clock.advance(20 * HOUR);
    rig.manifest("b", "1").await.unwrap();
    rig.clock.advance(10 * HOUR);
    let report = evict(&rig, None, None).await;
    assert_eq!(report.images, 2);
    assert!(!rig.keeps(&layer(&a)) && rig.keeps(&layer(&b)) && !rig.keeps(&layer(&c)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_tells_what_a_larger_disk_would_have_saved() {
    let rig = Rig::start().await;
    let [a, ..] = three(&rig).await;
    assert!(rig.mirror.savings().await.unwrap().is_empty());
    rig.clock.advance(2 * HOUR);
    let report = evict(&rig, None, Some(1)).await;
    pull_and_keep(&rig, "a", &a).await;
    rig.mirror.tidy().await;
    let curve = rig.mirror.savings().await.unwrap();
    let last = curve.last().unwrap();
    assert_eq!((last.images, last.bytes), (1, report.freed));
    assert!(last.larger_by >= report.freed);
}

// S10
#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_ends_it() {
    let (rig, catalog) = Rig::with_stores(&support::Stores::default()).await;
    let [a, ..] = three(&rig).await;
    rig.clock.advance(2 * HOUR);
    let plan = rig.mirror.eviction_plan(Some(u64::MAX)).await.unwrap();
    assert_eq!(plan.images.len(), 3);
    catalog.close().await;
    let report = evict(&rig, Some(&plan.digest), None).await;
    assert!(matches!(report.end, EvictionEnd::Failed(_)), "{report:?}");
    assert_eq!((report.images, report.freed), (0, 0));
    assert!(rig.keeps(&layer(&a)));
}

// Row 61
#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_and_it_can_be_cancelled() {
    let rig = Rig::start().await;
    three(&rig).await;
    assert!(!rig.mirror.cancel_eviction());
    rig.clock.advance(2 * HOUR);
    rig.mirror.begin_eviction(None, Some(u64::MAX)).await.unwrap();
    if rig.mirror.eviction().running.is_some() {
        let second = rig.mirror.begin_eviction(None, None).await;
        // The first one may have ended a moment ago.
        assert!(matches!(second, Err(Error::EvictionRuns) | Ok(())), "{second:?}");
        rig.mirror.cancel_eviction();
    }
    let report = ended(&rig).await;
    assert!(matches!(report.end, EvictionEnd::Cancelled | EvictionEnd::Done), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_while_its_image_goes() {
    let rig = Rig::start().await;
    let image = TestImage::random(9, 1, 8 * MIB);
    rig.upstream.put_image("library/a", "1", &image);
    rig.manifest("a", "1").await.unwrap();
    rig.upstream.pace(Some(4 << 20));
    let digest = layer(&image);
    let mut stream = streaming(rig.blob("a", &digest).await.unwrap());
    let first = stream.frames.next().await.unwrap().unwrap();
    rig.clock.advance(2 * HOUR);
    evict(&rig, None, Some(u64::MAX)).await;
    rig.upstream.pace(None);
    let rest = support::drain(stream).await.unwrap();
    assert_eq!(Digest::of(&[first, rest].concat()), digest);
}
