//! Upstreams that say they have what another one gave us: A20 of `docs/reference/faults.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use bytes::Bytes;
use entrepot_mirror::{Error, UpstreamFault};
use entrepot_oci::Digest;
use entrepot_testkit::{Action, Fault, Match, TestImage, TestRegistry};
use futures_util::stream;
use support::Rig;

const MIB: usize = 1 << 20;

/// A mirror that holds an image of `docker.io`, and an upstream that has none of it and says yes to every `HEAD`.
async fn held(size: usize) -> (Rig, TestRegistry, TestImage) {
    let other = TestRegistry::start().await;
    other.put_image("x/y", "1", &TestImage::random(9, 1, 10));
    let yes = Action::status_with(200, &[], vec![0; size]);
    other.fault(Fault::on(Match::blobs().head()).always().then(yes));
    let mut rig = Rig::with_quay(&other).await;
    let image = TestImage::random(1, 1, size);
    rig.upstream.put_image("library/a", "1", &image);
    rig.pull("a", "1", &image).await;
    for (digest, _) in image.blobs() {
        rig.until_kept(digest).await;
    }
    // A download that is still being recorded would be joined instead.
    rig.restart_with_quay(&other).await;
    (rig, other, image)
}

// A20
#[tokio::test(flavor = "multi_thread")]
async fn a_yes_is_no_proof() {
    for size in [13, 50_000, 3 * MIB] {
        let (rig, other, image) = held(size).await;
        let refused = rig.blob("quay.io/x/y", &image.blobs()[1].0).await.err().unwrap();
        assert!(matches!(refused, Error::BlobUnknown { .. }), "{refused:?}");
        // It was asked to show the bytes, of a large blob a part.
        let gets = other.log().blob_gets();
        assert_eq!((gets.len(), gets[0].range.is_some()), (1, size == 3 * MIB));
        // Nor is a manifest a blob for whoever knows its digest.
        assert!(rig.blob("quay.io/x/y", image.digest()).await.is_err());
        assert_eq!(other.log().blob_gets().iter().filter(|get| get.status == 200).count(), 0);
    }
}

// A20: what was pushed here is nothing that an upstream has.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_were_pushed_are_no_permission_for_an_upstream() {
    let rig = Rig::start().await;
    let bytes = Bytes::from_static(b"pushed");
    let (digest, body) = (Digest::of(&bytes), stream::iter([Ok(bytes.clone())]));
    rig.mirror.push_blob(&rig.target("local/app"), &digest, body).await.unwrap();
    rig.upstream.put_image("library/a", "1", &TestImage::random(1, 1, 10));
    let refused = rig.blob("a", &digest).await.err().unwrap();
    assert!(matches!(refused, Error::BlobUnknown { .. }), "{refused:?}");
    assert!(rig.mirror.blob_head(&rig.target("a"), &digest).await.is_err());
    // One that shows them has them.
    rig.upstream.put_blob("library/b", bytes.clone());
    assert_eq!(rig.blob_bytes("b", &digest).await.as_ref(), Ok(&bytes));
    assert_eq!(rig.upstream.log().blob_gets().of(&digest).matching(|get| get.status == 200).len(), 1);
}

// A20
#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_are_no_proof() {
    for size in [13, 50_000, 3 * MIB] {
        let (rig, other, image) = held(size).await;
        let (digest, bytes) = &image.blobs()[1];
        let mut wrong = bytes.to_vec();
        wrong.iter_mut().for_each(|byte| *byte ^= 1);
        other.fault(Fault::on(Match::blobs().get()).then(Action::status_with(200, &[], wrong)));
        let refused = rig.blob("quay.io/x/y", digest).await.err().unwrap();
        let invalid =
            |error: &Error| matches!(error, Error::Upstream { fault: UpstreamFault::Invalid(_), .. });
        assert!(invalid(&refused), "{refused:?}");
        let longer = Action::status_with(200, &[], [bytes, &b"more"[..]].concat());
        other.fault(Fault::on(Match::blobs().get()).then(longer));
        let refused = rig.blob("quay.io/x/y", digest).await.err().unwrap();
        assert!(invalid(&refused), "{refused:?}");
    }
}

// A20
#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_are_a_proof_and_are_shown_once() {
    for ignores_ranges in [false, true] {
        let (rig, other, image) = held(3 * MIB).await;
        other.put_image("x/z", "1", &image);
        if ignores_ranges {
            other.fault(Fault::on(Match::blobs().get()).always().then(Action::IgnoreRange));
        }
        let (digest, bytes) = &image.blobs()[1];
        for _ in 0..2 {
            assert_eq!(rig.blob_bytes("quay.io/x/z", digest).await.as_ref(), Ok(bytes));
        }
        let gets = other.log().blob_gets();
        assert_eq!(gets.len(), 1);
        assert!(gets[0].range.is_some() && (ignores_ranges || gets.bytes_sent() <= 64 << 10));
    }
}

// A20
#[tokio::test(flavor = "multi_thread")]
async fn what_one_upstream_began_another_does_not_go_on_with() {
    let (rig, other, _) = held(10).await;
    let image = TestImage::random(2, 1, 3 * MIB);
    rig.upstream.put_image("library/b", "1", &image);
    let digest = &image.blobs()[1].0;
    rig.upstream.fault(Fault::on(Match::blobs().get()).always().then(Action::CutAfter(2 * MIB as u64)));
    assert!(rig.blob_bytes("b", digest).await.is_err());
    assert!(rig.staged() > 0, "the beginning is kept");
    let refused = rig.blob("quay.io/x/y", digest).await.err().unwrap();
    assert!(matches!(refused, Error::BlobUnknown { .. }), "{refused:?}");
    // It is asked for all of it, not for the rest.
    assert_eq!(other.log().blob_gets().of(digest)[0].range, None);
}

// A20: a tag whose `HEAD` names the digest of somebody else's manifest.
#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_names_the_manifest_of_another_is_not_that_manifest() {
    let (rig, other, image) = held(10).await;
    other.fault(Fault::on(Match::manifests().head()).always().then(Action::lie_digest(image.digest())));
    for reference in ["1".to_owned(), image.digest().to_string()] {
        match rig.manifest("quay.io/x/y", &reference).await {
            Ok(served) => assert_ne!(served.manifest.digest, *image.digest()),
            Err(error) => assert!(!matches!(error, Error::Store), "{error:?}"),
        }
    }
}
