//! What answers of upstreams count for: only a no is a no, a size that is not said is not 0, a tag may lead to nothing, and
//! a manifest is no blob.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::time::Duration;

use entrepot_mirror::{Error, UpstreamFault};
use entrepot_oci::{Digest, Page};
use entrepot_testkit::{
    Action, Capabilities, Fault, Match, ResourceKind, TestImage, TestManifest, until_answer,
};
use support::Rig;

const HOUR: Duration = Duration::from_secs(3600);

fn reference(text: &str) -> entrepot_oci::Reference {
    text.parse().unwrap()
}

// R04
#[tokio::test(flavor = "multi_thread")]
async fn only_what_says_no_counts_against_what_is_held() {
    let rig = Rig::start().await;
    let image = TestImage::random(1, 1, 10);
    let page = || Action::status_with(403, &[("content-type", "text/html")], "<html>blocked</html>");
    let statuses = [400, 402, 405, 406, 407, 409, 412, 421, 425, 431, 451, 499, 500, 503];
    let failures = statuses.map(Action::status).into_iter().chain([page()]);
    for (nth, failure) in failures.enumerate() {
        let tag = format!("v{nth}");
        rig.upstream.put_image("library/a", &tag, &image);
        rig.manifest("a", &tag).await.unwrap();
        rig.clock.advance(HOUR);
        rig.upstream.fault(Fault::on(Match::manifests()).always().then(failure.clone()));
        rig.upstream.fault(Fault::on(Match::tags()).always().then(failure.clone()));
        assert!(rig.manifest("a", &tag).await.unwrap().stale, "{failure:?}");
        let head = rig.mirror.manifest_head(&rig.target("a"), &reference(&tag)).await.unwrap();
        assert!(head.stale, "{failure:?}");
        // What was pulled is recorded right after the answer.
        let listed = async || rig.mirror.tags(&rig.target("a"), &Page::default()).await.ok();
        assert!(until_answer("a stale list", listed).await.stale, "{failure:?}");
        let cold = rig.manifest("a", &format!("cold{nth}")).await.err().unwrap();
        let is_no_answer = matches!(
            cold,
            Error::Upstream {
                // 407 is the answer of a proxy on the way.
                fault: UpstreamFault::Rejected { .. }
                    | UpstreamFault::Failing(_)
                    | UpstreamFault::Unreachable(_),
                ..
            }
        );
        assert!(is_no_answer, "{cold:?}");
        rig.upstream.clear_faults();
        // An endpoint that is down is asked again.
        let absent = format!("absent{nth}");
        let back = async || {
            let told = rig.manifest("a", &absent).await.err();
            told.filter(|error| matches!(error, Error::ManifestUnknown { .. }))
        };
        until_answer("the upstream to be asked again", back).await;
        rig.clock.advance(HOUR);
    }
    for (status, nth) in [(401, 1), (403, 2), (404, 3)] {
        rig.clock.advance(HOUR);
        rig.upstream.fault(Fault::on(Match::manifests()).always().then(Action::status(status)));
        assert!(rig.manifest("a", &format!("v{nth}")).await.is_err(), "{status}");
        rig.upstream.clear_faults();
    }
}

// R01
#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_is_not_said_is_found_out() {
    let rig = Rig::start().await;
    rig.upstream.capabilities(|can| *can = Capabilities::behind_load_balancer());
    let image = TestImage::random(1, 1, 50_000);
    rig.upstream.put_image("library/a", "1", &image);
    rig.upstream.put_image("library/b", "1", &image);
    let (target, size) = (rig.target("a"), Some(image.bytes().len() as u64));
    for asked in ["1".to_owned(), image.digest().to_string()] {
        let head = rig.mirror.manifest_head(&target, &reference(&asked)).await.unwrap();
        assert_eq!((head.digest, head.size), (*image.digest(), size));
    }
    let (digest, bytes) = &image.blobs()[1];
    let size = Some(bytes.len() as u64);
    assert_eq!(rig.mirror.blob_head(&target, digest).await.unwrap().size, size);
    assert_eq!(rig.upstream.log().blob_gets()[0].range.as_deref(), Some("bytes=0-0"));
    assert_eq!(rig.blob_bytes("a", digest).await.as_ref(), Ok(bytes));
    rig.until_kept(digest).await;
    // The bytes that are held say it too.
    rig.upstream.clear_log();
    assert_eq!(rig.mirror.blob_head(&rig.target("b"), digest).await.unwrap().size, size);
    assert_eq!(rig.upstream.log().blob_gets().len(), 0);
}

// R03
#[tokio::test(flavor = "multi_thread")]
async fn what_only_get_gives_is_found() {
    for status in [400, 401, 403, 404, 405, 501] {
        let rig = Rig::start().await;
        rig.upstream.fault(Fault::on(Match::any().head()).always().then(Action::status(status)));
        let image = TestImage::random(1, 1, 50_000);
        rig.upstream.put_image("library/a", "1", &image);
        rig.upstream.put_image("library/b", "1", &image);
        let head = rig.mirror.manifest_head(&rig.target("a"), &reference("1")).await.unwrap();
        assert_eq!(head.digest, *image.digest(), "{status}");
        rig.pull("a", "1", &image).await;
        // What came with the answer to the `HEAD` is not fetched again.
        assert_eq!(rig.upstream.log().manifest_gets().matching(|get| get.status == 200).len(), 1);
        let (digest, bytes) = &image.blobs()[1];
        rig.until_kept(digest).await;
        let size = rig.mirror.blob_head(&rig.target("b"), digest).await.unwrap().size;
        assert_eq!(size, Some(bytes.len() as u64), "{status}");
        rig.pull("b", "1", &image).await;
    }
}

// R05
#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_leads_to_nothing_is_looked_up_again() {
    let (old, new) = (TestImage::random(1, 1, 10), TestImage::random(2, 1, 10));
    let (before, after) = (TestImage::index([old.clone()]), TestImage::index([new.clone()]));
    for held in ["nothing", "the index", "the tag", "the image"] {
        let rig = Rig::start().await;
        rig.upstream.put_image("library/a", "nightly", &before);
        let target = rig.target("a");
        rig.mirror.manifest_head(&target, &reference("nightly")).await.unwrap();
        match held {
            "nothing" => {}
            "the index" => drop(rig.manifest("a", &before.digest().to_string()).await.unwrap()),
            "the tag" => drop(rig.manifest("a", "nightly").await.unwrap()),
            _ => {
                rig.manifest("a", "nightly").await.unwrap();
                rig.manifest("a", &old.digest().to_string()).await.unwrap();
            }
        }
        // What was pulled is recorded right after the answer.
        let manifests = match held {
            "nothing" => 0,
            "the image" => 2,
            _ => 1,
        };
        let recorded = async || (rig.mirror.holdings().await.unwrap().manifests == manifests).then_some(());
        until_answer("manifests to be recorded", recorded).await;
        rig.upstream.delete_repository("library/a");
        rig.upstream.put_image("library/a", "nightly", &after);
        // As containerd pulls; the first time it fails, which is how the mirror learns of it.
        let pull = async || {
            let head = rig.mirror.manifest_head(&target, &reference("nightly")).await.ok()?;
            let index = rig.mirror.manifest(&target, &head.digest.into()).await.ok()?.manifest.digest;
            let image = if index == *before.digest() { &old } else { &new };
            rig.manifest("a", &image.digest().to_string()).await.ok()?;
            rig.blob_bytes_if_there("a", &image.blobs()[1].0).await.map(|_| index)
        };
        assert_eq!(pull().await, None, "{held}");
        assert_eq!(pull().await, Some(*after.digest()), "{held}");
        // Checked, it is fresh again.
        rig.upstream.clear_log();
        for _ in 0..20 {
            assert_eq!(pull().await, Some(*after.digest()), "{held}");
        }
        assert_eq!(rig.upstream.log().heads().len(), 0, "{held}");
    }
}

// R05
#[tokio::test(flavor = "multi_thread")]
async fn a_tag_whose_image_is_broken_is_looked_up_once() {
    let rig = Rig::start().await;
    let (child, other) = (TestImage::random(1, 1, 10), TestImage::random(2, 1, 10));
    let index = TestImage::index([child.clone(), other.clone()]);
    rig.upstream.put_manifest("library/a", Some("1"), index.media_type(), index.bytes().clone());
    rig.manifest("a", "1").await.unwrap();
    let recorded = async || (rig.mirror.holdings().await.unwrap().manifests == 1).then_some(());
    until_answer("the index to be recorded", recorded).await;
    rig.upstream.clear_log();
    for _ in 0..20 {
        assert!(!rig.manifest("a", "1").await.unwrap().stale);
        for missing in [&child, &other] {
            assert!(rig.manifest("a", &missing.digest().to_string()).await.is_err());
        }
    }
    let asked = rig.upstream.log().matching(|request| request.path.ends_with("/1"));
    assert_eq!((asked.len(), asked.heads().len()), (1, 1));
}

// R07
#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_is_no_blob() {
    let image = TestImage::random(1, 1, 10);
    let index = TestImage::index([image.clone()]);
    let TestManifest { bytes, digest, .. } = &index.manifests()[0];
    for is_held in [false, true] {
        let rig = Rig::start().await;
        rig.upstream.put_image("library/a", "1", &index);
        // As distribution v3 and Artifactory do.
        rig.upstream.put_blob("library/a", bytes.clone());
        if is_held {
            rig.manifest("a", "1").await.unwrap();
        }
        for _ in 0..2 {
            let head = rig.mirror.blob_head(&rig.target("a"), digest).await;
            assert!(matches!(head, Err(Error::BlobUnknown { .. })), "{head:?}");
            let got = rig.blob("a", digest).await.err().unwrap();
            assert!(matches!(got, Error::BlobUnknown { .. }), "{got:?}");
        }
        // It is still a manifest.
        rig.pull("a", "1", &index).await;
        // What a manifest names as a blob is not asked for as a manifest.
        let named = &image.blobs()[1].0;
        assert_eq!(rig.upstream.log().of(named).kind(ResourceKind::Manifest).len(), 0);
    }
}

// R07
#[tokio::test(flavor = "multi_thread")]
async fn a_yes_to_everything_makes_no_manifest() {
    let rig = Rig::start().await;
    let digest = rig.upstream.put_blob("library/a", "bytes");
    rig.upstream.fault(Fault::on(Match::manifests()).always().then(Action::status(200)));
    assert_eq!(rig.blob_bytes("a", &digest).await.unwrap(), "bytes");
}

// R07
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_a_blob_is_none_of_a_manifest() {
    let (rig, image) = (Rig::start().await, TestImage::random(1, 1, 10));
    rig.upstream.put_image("library/a", "1", &image);
    let digest: &Digest = image.digest();
    rig.upstream.fault(Fault::on(Match::manifests()).times(2).then(Action::status(404)));
    assert!(matches!(rig.blob("a", digest).await, Err(Error::BlobUnknown { .. })));
    rig.upstream.clear_faults();
    rig.manifest("a", &digest.to_string()).await.unwrap();
}
