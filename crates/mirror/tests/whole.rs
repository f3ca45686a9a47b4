//! Whole images: what there is to one, and having all of it here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use entrepot_mirror::{BlobArrival, Error};
use entrepot_oci::{Platform, Reference};
use entrepot_testkit::TestImage;
use support::Rig;

fn platforms(all: &[&str]) -> Vec<Platform> {
    all.iter().map(|platform| platform.parse().unwrap()).collect()
}

fn told(all: &[Platform]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

fn both() -> (TestImage, TestImage, TestImage) {
    let (amd, arm) =
        (TestImage::random(1, 2, 90_000), TestImage::random(2, 1, 70_000).with_platform("linux/arm64"));
    (amd.clone(), arm.clone(), TestImage::index([amd, arm]))
}

// operate.md rows 50 and 53
#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_that_were_asked_for_are_here_after_a_restart_without_an_upstream() {
    let mut rig = Rig::start().await;
    let (amd, arm, index) = both();
    rig.upstream.put_image("library/a", "1", &index);
    let (key, reference) = (rig.target("a").key, "1".parse::<Reference>().unwrap());
    let wanted = platforms(&["linux/amd64", "linux/s390x"]);
    let image = rig.mirror.whole_image(&key, &reference, &wanted).await.unwrap();
    assert_eq!((image.digest, image.blobs.len()), (*index.digest(), 3));
    assert_eq!(told(&image.platforms), ["linux/amd64"]);
    assert_eq!(told(&image.absent), ["linux/s390x"]);
    assert_eq!(told(&image.offered), ["linux/amd64", "linux/arm64"]);
    assert_eq!(image.size(), amd.blobs().iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
    for blob in &image.blobs {
        let mut come = 0;
        let kept = rig.mirror.keep_blob(&key, &blob.digest, |bytes| come = bytes).await.unwrap();
        assert_eq!((kept, come), (BlobArrival::Now, blob.size));
        let again = rig.mirror.keep_blob(&key, &blob.digest, |_| ()).await.unwrap();
        assert_eq!(again, BlobArrival::Before);
    }
    rig.mirror.keep_manifests(&key, &reference, &image).await.unwrap();
    rig.upstream.stop().await;
    rig.restart().await;
    rig.manifest("a", "1").await.unwrap();
    for (digest, bytes) in amd.blobs() {
        assert_eq!(rig.blob_bytes("a", digest).await.as_ref(), Ok(bytes));
    }
    assert!(!rig.keeps(&arm.blobs()[1].0), "nobody asked for it");
    rig.mirror.tidy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_no_index_says_what_it_runs_on() {
    let rig = Rig::start().await;
    let image = TestImage::random(3, 1, 1000).with_platform("linux/arm64");
    rig.upstream.put_image("library/a", "1", &image);
    let (key, reference) = (rig.target("a").key, "1".parse::<Reference>().unwrap());
    let whole = rig.mirror.whole_image(&key, &reference, &platforms(&["linux/amd64"])).await.unwrap();
    assert_eq!(
        (told(&whole.absent), told(&whole.offered)),
        (vec!["linux/amd64".into()], vec!["linux/arm64".into()])
    );
    let whole = rig.mirror.whole_image(&key, &reference, &[]).await.unwrap();
    assert_eq!((told(&whole.platforms), whole.blobs.len()), (vec!["linux/arm64".to_owned()], 2));
}

// A tag is fresh for an hour, and whoever asks for the image means the one of now.
#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_has_moved_is_seen_at_once() {
    let rig = Rig::start().await;
    let (first, second) = (TestImage::random(4, 1, 1000), TestImage::random(5, 1, 1000));
    rig.upstream.put_image("library/a", "latest", &first);
    rig.manifest("a", "latest").await.unwrap();
    rig.upstream.put_image("library/a", "latest", &second);
    let (key, reference) = (rig.target("a").key, "latest".parse::<Reference>().unwrap());
    let whole = rig.mirror.whole_image(&key, &reference, &[]).await.unwrap();
    assert_eq!(whole.digest, *second.digest());
    let unknown = rig.mirror.whole_image(&key, &"2".parse().unwrap(), &[]).await;
    assert!(matches!(unknown, Err(Error::ManifestUnknown { .. })));
    let asked = rig.upstream.log().manifests().count(http::Method::HEAD, "/manifests/2");
    rig.mirror.whole_image(&key, &"2".parse().unwrap(), &[]).await.unwrap_err();
    assert_eq!(
        rig.upstream.log().manifests().count(http::Method::HEAD, "/manifests/2"),
        asked,
        "it is remembered"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_those_of_the_digest_are_told() {
    let mut rig = Rig::start().await;
    let image = TestImage::random(6, 1, 3_000_000);
    rig.upstream.put_image("library/a", "1", &image);
    let (key, digest) = (rig.target("a").key, image.blobs()[1].0);
    assert_eq!(rig.mirror.keep_blob(&key, &digest, |_| ()).await.unwrap(), BlobArrival::Now);
    rig.restart().await;
    rig.damage(&digest);
    assert_eq!(rig.mirror.keep_blob(&key, &digest, |_| ()).await.unwrap(), BlobArrival::Damaged);
}
