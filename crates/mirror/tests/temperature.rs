//! An opened blob says whether its bytes are held already.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use entrepot_mirror::Temperature;
use entrepot_testkit::TestImage;
use support::{Rig, read};

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_cold_until_it_is_held() {
    let mut rig = Rig::start().await;
    let image = TestImage::random(1, 1, 100_000);
    rig.upstream.put_image("library/a", "1", &image);
    let (digest, bytes) = image.blobs()[1].clone();
    let blob = rig.mirror.blob(&rig.target("a"), &digest).await.unwrap();
    assert_eq!(blob.temperature(), Temperature::Cold);
    assert_eq!(read(blob.open(None).await.unwrap()).await.unwrap(), bytes);
    rig.until_kept(&digest).await;
    // No download goes on in a new one.
    rig.restart().await;
    let blob = rig.mirror.blob(&rig.target("a"), &digest).await.unwrap();
    assert_eq!(blob.temperature(), Temperature::Hot);
    assert_eq!(read(blob.open(Some(10..20)).await.unwrap()).await.unwrap(), bytes.slice(10..20));
}
