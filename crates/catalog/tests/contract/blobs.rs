//! Blobs belong to repositories.

use crate::setup::*;
use entrepot_catalog::UnlinkOutcome;

pub async fn are_linked_per_repository(home: &Home) {
    let catalog = home.open().await;
    let (a, b) = (upstream("quay.io", "a"), upstream("quay.io", "b"));
    catalog.link_blobs(&a, &[(blob("1"), 10), (blob("2"), u64::from(u32::MAX) * 4)], at(0)).await.unwrap();
    assert_eq!(catalog.blob(&a, &blob("2")).await.unwrap(), Some(u64::from(u32::MAX) * 4));
    assert_eq!(catalog.blob(&b, &blob("1")).await.unwrap(), None);
    assert!(catalog.repository_known(&a).await.unwrap() && !catalog.repository_known(&b).await.unwrap());
    catalog.link_blobs(&b, &[(blob("1"), 10)], at(0)).await.unwrap();
    let mut holders = catalog.blob_holders(&blob("1"), 10).await.unwrap();
    holders.sort_by_key(ToString::to_string);
    assert_eq!(holders, [a.clone(), b]);
    assert_eq!(catalog.blob_holders(&blob("1"), 1).await.unwrap().len(), 1);
    assert_eq!(catalog.blob_holders(&blob("2"), 10).await.unwrap(), [a]);
    assert!(catalog.blob_holders(&blob("3"), 10).await.unwrap().is_empty());
}

pub async fn unlinking_tells_who_is_left(home: &Home) {
    let catalog = home.open().await;
    let (a, b, c) = (hosted("local/a"), hosted("local/b"), hosted("local/c"));
    for key in [&a, &b] {
        catalog.link_blobs(key, &[(blob("1"), 10)], at(0)).await.unwrap();
    }
    assert_eq!(catalog.unlink_blob(&c, &blob("1")).await.unwrap(), UnlinkOutcome::NotThere);
    assert_eq!(catalog.unlink_blob(&a, &blob("2")).await.unwrap(), UnlinkOutcome::NotThere);
    assert_eq!(catalog.unlink_blob(&a, &blob("1")).await.unwrap(), UnlinkOutcome::StillHeld);
    assert_eq!(catalog.unlink_blob(&a, &blob("1")).await.unwrap(), UnlinkOutcome::NotThere);
    assert!(catalog.is_held(&blob("1")).await.unwrap());
    assert_eq!(catalog.unlink_blob(&b, &blob("1")).await.unwrap(), UnlinkOutcome::Last);
    assert!(!catalog.is_held(&blob("1")).await.unwrap());

    let doc = image(&["1"]);
    put(&catalog, &a, &doc, &[]).await;
    catalog.link_blobs(&b, &[(doc.digest, 1000)], at(0)).await.unwrap();
    assert_eq!(catalog.unlink_blob(&b, &doc.digest).await.unwrap(), UnlinkOutcome::StillHeld);
}

pub async fn linking_twice_is_once(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let twice = [(blob("1"), 10), (blob("1"), 10)];
    catalog.link_blobs(&key, &twice, at(0)).await.unwrap();
    catalog.link_blobs(&key, &twice, at(1)).await.unwrap();
    assert_eq!(catalog.blob_holders(&blob("1"), 10).await.unwrap().len(), 1);
    catalog.link_blobs(&hosted("local/b"), &[], at(0)).await.unwrap();
    assert!(!catalog.repository_known(&hosted("local/b")).await.unwrap());
}
