//! Manifests, what they name, and what is said about them.

use crate::setup::*;
use entrepot_catalog::{Error, ManifestRecord, NewManifest, Use};
use entrepot_oci::{Digest, MediaType};

pub async fn are_remembered_with_their_tags(home: &Home) {
    let catalog = home.open().await;
    let key = upstream("quay.io", "a/b");
    let (child, other) = (image(&["1", "2"]), image(&["3"]));
    let list = index(&[&child, &other]);
    put(&catalog, &key, &child, &[]).await;
    put(&catalog, &key, &list, &["v1", "latest"]).await;
    let record = catalog.manifest(&key, &list.digest).await.unwrap().unwrap();
    let expected = ManifestRecord { digest: list.digest, media_type: MediaType::OCI_INDEX, size: 1000 };
    assert_eq!(record, expected);
    assert!(has(&catalog, &key, &child).await);
    assert!(!has(&catalog, &key, &other).await, "listed is not held");
    assert!(!has(&catalog, &upstream("quay.io", "a"), &child).await);
    assert_eq!(tag_names(&catalog, &key).await, "latest v1");
    assert!(catalog.is_held(&list.digest).await.unwrap());
    assert!(!catalog.is_held(&other.digest).await.unwrap());
}

pub async fn missing_blob_leaves_nothing(home: &Home) {
    let catalog = home.open().await;
    let (key, elsewhere) = (hosted("local/a"), hosted("local/b"));
    let doc = image(&["1", "2"]);
    catalog.link_blobs(&elsewhere, &[(blob("1"), 10), (blob("2"), 10)], at(0)).await.unwrap();
    let tags = [tag("v1")];
    let push = NewManifest { require_blobs: true, ..new(&doc, &tags) };
    let refused = catalog.put_manifest(&key, &push, at(0)).await;
    assert!(matches!(refused, Err(Error::MissingBlob { .. })));
    assert!(!catalog.repository_known(&key).await.unwrap(), "not even the repository");

    catalog.link_blobs(&key, &[(blob("1"), 10)], at(0)).await.unwrap();
    let refused = catalog.put_manifest(&key, &push, at(0)).await;
    assert!(matches!(refused, Err(Error::MissingBlob { digest }) if digest == blob("2")));
    assert!(!has(&catalog, &key, &doc).await);
    assert_eq!(tag_names(&catalog, &key).await, "");

    catalog.link_blobs(&key, &[(blob("2"), 10)], at(0)).await.unwrap();
    catalog.put_manifest(&key, &push, at(0)).await.unwrap();
    assert_eq!(tag_names(&catalog, &key).await, "v1");
}

pub async fn wrong_sizes_leave_nothing(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let (doc, parent) = (image(&["1", "2"]), index(&[&image(&["1", "2"])]));
    catalog.link_blobs(&key, &[(blob("1"), 10), (blob("2"), 11)], at(0)).await.unwrap();
    let push = |doc| NewManifest { require_blobs: true, ..new(doc, &[]) };
    let refused = catalog.put_manifest(&key, &push(&doc), at(0)).await;
    let wrong = |refused: Result<(), Error>| match refused {
        Err(Error::WrongSize { digest, stated, actual }) => (digest, stated, actual),
        other => panic!("{other:?}"),
    };
    assert_eq!(wrong(refused), (blob("2"), 10, 11));
    assert!(!has(&catalog, &key, &doc).await);
    // What is mirrored comes with the sizes that its registry gives.
    catalog.put_manifest(&key, &new(&doc, &[]), at(0)).await.unwrap();
    catalog.put_manifest(&key, &push(&parent), at(0)).await.unwrap();
    let longer = NewManifest { size: 1001, ..new(&doc, &[]) };
    catalog.remove_manifest(&key, &doc.digest).await.unwrap();
    catalog.put_manifest(&key, &longer, at(0)).await.unwrap();
    let refused = catalog.put_manifest(&key, &push(&parent), at(0)).await;
    assert_eq!(wrong(refused), (doc.digest, 1000, 1001));
}

pub async fn foreign_blobs_are_not_required(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let doc = image_with_foreign("1", "windows");
    catalog.link_blobs(&key, &[(blob("1"), 10)], at(0)).await.unwrap();
    let push = NewManifest { require_blobs: true, ..new(&doc, &[]) };
    catalog.put_manifest(&key, &push, at(0)).await.unwrap();
    assert!(has(&catalog, &key, &doc).await);
}

pub async fn put_again_keeps_age_and_use(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let doc = image(&["1"]);
    put_at(&catalog, &key, &doc, &["a"], 1).await;
    let used = Use { key: key.clone(), digest: doc.digest, pulls: 3, counted: 3, last: at(5) };
    catalog.record_uses(&[used]).await.unwrap();
    put_at(&catalog, &key, &doc, &["b"], 9).await;
    let images = catalog.images(&key, &page(10, "")).await.unwrap();
    let row = &images.rows[0];
    assert_eq!((row.created, row.pulls, row.last_used), (at(1), 3, Some(at(5))));
    assert_eq!(row.tags, [tag("a"), tag("b")]);
}

pub async fn removed_with_their_tags(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let (one, two) = (image(&["1"]), image(&["2"]));
    fill(&catalog, &key, &one, &["a", "b"]).await;
    fill(&catalog, &key, &two, &["c"]).await;
    assert!(catalog.remove_manifest(&key, &one.digest).await.unwrap());
    assert!(!catalog.remove_manifest(&key, &one.digest).await.unwrap());
    assert!(!catalog.remove_manifest(&hosted("local/b"), &two.digest).await.unwrap());
    assert_eq!(tag_names(&catalog, &key).await, "c");
    assert!(has_blob(&catalog, &key, "1").await, "blobs stay linked");
    catalog.remove_manifest(&key, &two.digest).await.unwrap();
    assert!(catalog.repository_known(&key).await.unwrap(), "its blobs are held");
    for name in ["1", "2"] {
        catalog.unlink_blob(&key, &blob(name)).await.unwrap();
    }
    assert!(!catalog.repository_known(&key).await.unwrap());
}

pub async fn referrers_come_oldest_first(home: &Home) {
    let catalog = home.open().await;
    let (key, elsewhere) = (hosted("local/a"), hosted("local/b"));
    let subject = image(&["1"]);
    let docs = [about(&subject, &["s1"]), about(&subject, &["s2"]), about(&subject, &["s3"])];
    for (doc, seconds) in [(&docs[2], 1), (&docs[0], 2), (&docs[1], 3)] {
        put_at(&catalog, &key, doc, &[], seconds).await;
    }
    put(&catalog, &elsewhere, &about(&subject, &["s4"]), &[]).await;
    let found = catalog.referrers(&key, &subject.digest).await.unwrap();
    let order: Vec<_> = found.iter().map(|descriptor| descriptor.digest).collect();
    assert_eq!(order, [docs[2].digest, docs[0].digest, docs[1].digest]);
    let first = &found[0];
    assert_eq!(first.media_type, MediaType::OCI_MANIFEST.as_str());
    assert_eq!((first.size, first.artifact_type.as_deref()), (1000, Some("a/signature")));
    assert_eq!(first.annotations.as_ref(), docs[2].content.annotations());
    assert!(catalog.referrers(&key, &docs[0].digest).await.unwrap().is_empty());
}

// A05
pub async fn referrers_come_without_large_annotations(home: &Home) {
    let catalog = home.open().await;
    let (key, subject) = (hosted("local/a"), image(&["1"]));
    let notes = [100, 10_000, 39_000].map(|length| "v".repeat(length));
    for (name, note) in ["s1", "s2", "s3"].iter().zip(&notes) {
        put(&catalog, &key, &about_with(&subject, &[name], note), &[]).await;
    }
    let kept = async || {
        let found = catalog.referrers(&key, &subject.digest).await.unwrap();
        assert_eq!(found.len(), 3);
        found.iter().filter(|one| one.annotations.is_some()).count()
    };
    assert_eq!(kept().await, 2);
    // What was written when there was no limit.
    let long = format!("UPDATE manifest SET annotations = '{{\"by\":\"{}\"}}'", notes[2]);
    home.meddle(&long).await;
    assert_eq!(kept().await, 0);
}

// A07
pub async fn sizes_are_what_manifests_say(home: &Home) {
    let catalog = home.open().await;
    let (key, other) = (upstream("quay.io", "a"), upstream("quay.io", "b"));
    let said = async |key, name| catalog.said_size(key, &blob(name)).await.unwrap();
    assert_eq!(said(&key, "2").await, None);
    put(&catalog, &key, &image(&["1", "2"]), &[]).await;
    assert_eq!((said(&key, "1").await, said(&key, "2").await), (Some(10), Some(10)));
    assert_eq!((said(&key, "3").await, said(&other, "2").await), (None, None));
    let child = image(&["1"]);
    put(&catalog, &key, &index(&[&child]), &[]).await;
    assert_eq!(catalog.said_size(&key, &child.digest).await.unwrap(), None, "a manifest is no blob");
}

// R05
pub async fn what_names_a_manifest_or_blob_is_found(home: &Home) {
    let catalog = home.open().await;
    let (key, other) = (upstream("quay.io", "a"), upstream("quay.io", "b"));
    let child = image(&["1"]);
    let parent = index(&[&child]);
    put(&catalog, &key, &child, &[]).await;
    put(&catalog, &key, &parent, &[]).await;
    let named_by = async |key, digest: &Digest| catalog.named_by(key, digest).await.unwrap();
    assert_eq!(named_by(&key, &blob("1")).await, [child.digest]);
    assert_eq!(named_by(&key, &child.digest).await, [parent.digest]);
    assert_eq!((named_by(&key, &parent.digest).await, named_by(&other, &blob("1")).await), (vec![], vec![]));
}

pub async fn what_once_led_to_a_manifest_is_known(home: &Home) {
    let catalog = home.open().await;
    let (key, pushed) = (upstream("quay.io", "a"), hosted("local/a"));
    let (first, second) = (image(&["1", "2"]), image(&["1", "3"]));
    let list = index(&[&first]);
    for key in [&key, &pushed] {
        put(&catalog, key, &first, &["v1"]).await;
        put(&catalog, key, &second, &["v1", "v2"]).await;
        put(&catalog, key, &list, &["all"]).await;
        put(&catalog, key, &second, &["v1"]).await;
    }
    let lineage = async |key, digest: &Digest| {
        let found = catalog.lineage(key, digest).await.unwrap();
        let names =
            |tags: &[entrepot_oci::Tag]| tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        found.iter().map(|one| (one.digest, names(&one.tags), one.parents.len())).collect::<Vec<_>>()
    };
    let text = str::to_owned;
    assert_eq!(
        lineage(&key, &first.digest).await,
        [(first.digest, text("v1"), 1), (list.digest, text("all"), 0)]
    );
    assert_eq!(lineage(&key, &second.digest).await, [(second.digest, text("v1 v2"), 0)]);
    let of_blob = lineage(&key, &blob("1")).await;
    assert_eq!(of_blob[0], (blob("1"), String::new(), 2));
    assert_eq!(of_blob.len(), 4);
    assert_eq!(lineage(&key, &blob("9")).await, [(blob("9"), String::new(), 0)]);
    assert_eq!(lineage(&pushed, &first.digest).await[0].1, "", "whoever pushes moves tags as they please");
    catalog.remove_manifest(&key, &first.digest).await.unwrap();
    put(&catalog, &key, &first, &[]).await;
    assert_eq!(lineage(&key, &first.digest).await[0].1, "", "it goes with its manifest");
}

pub async fn large_ones_fit(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let names: Vec<_> = (0..5000).map(|n| format!("layer {n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let doc = image(&names);
    let blobs: Vec<_> = doc.content.blobs().map(|blob| (blob.digest, blob.size)).collect();
    catalog.link_blobs(&key, &blobs, at(0)).await.unwrap();
    let push = NewManifest { require_blobs: true, ..new(&doc, &[]) };
    catalog.put_manifest(&key, &push, at(0)).await.unwrap();
    let images = catalog.images(&key, &page(10, "")).await.unwrap();
    assert_eq!(images.rows[0].size_held, 1000 + 5000 * 10);
}
