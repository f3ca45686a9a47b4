//! What the server itself looks into: held content without a request, and no pull is counted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use bytes::Bytes;
use entrepot_mirror::BlobBytes;
use entrepot_oci::Page;
use entrepot_testkit::{TestImage, until_answer};
use futures_util::StreamExt;
use support::Rig;

async fn whole(mut bytes: BlobBytes) -> Bytes {
    let mut all = Vec::new();
    while let Some(next) = bytes.next().await {
        all.extend_from_slice(&next.unwrap());
    }
    all.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_looked_into_is_fetched_once_and_counts_as_no_pull() {
    let rig = Rig::start().await;
    // Larger than one step, and small enough for memory.
    let image = TestImage::random(1, 2, 2_500_000);
    rig.upstream.put_image("library/a", "1", &image);
    let key = rig.target("a").key;
    let served = rig.mirror.seen_manifest(&key, &"1".parse().unwrap()).await.unwrap();
    assert_eq!(&served.manifest.digest, image.digest());
    for (digest, bytes) in image.blobs() {
        assert!(rig.mirror.held_bytes(&key, digest).await.unwrap().is_none(), "nothing is fetched for it");
        assert_eq!(whole(rig.mirror.fetched_bytes(&key, digest).await.unwrap()).await, bytes);
        let held = async || rig.mirror.held_bytes(&key, digest).await.unwrap().map(drop);
        until_answer("the blob to be held", held).await;
        rig.upstream.clear_log();
        assert_eq!(whole(rig.mirror.fetched_bytes(&key, digest).await.unwrap()).await, bytes);
        assert_eq!(rig.upstream.log().of(digest).blob_gets().len(), 0, "it is held now");
    }
    let (config, bytes) = &image.blobs()[0];
    assert_eq!(rig.mirror.small_blob(&key, config, bytes.len()).await.unwrap().unwrap(), bytes);
    assert_eq!(rig.mirror.small_blob(&key, config, bytes.len() - 1).await.unwrap(), None);
    rig.mirror.tidy().await;
    let page = rig.mirror.repositories(None, &Page::default()).await.unwrap();
    assert_eq!(page.repositories[0].pulls, 0);
}
