//! What goes with an image that is removed, and what stays.

use crate::setup::*;
use entrepot_catalog::{Catalog, RemovedContent, RepoKey, Selection};
use entrepot_oci::Digest;

async fn remove(catalog: &Catalog, key: &RepoKey, what: Selection) -> RemovedContent {
    catalog.remove(key, &what).await.unwrap()
}

fn by_tag(name: &str) -> Selection {
    Selection::Tag(tag(name))
}

fn orphans(manifests: &[&Doc], blobs: &[&str]) -> Vec<(Digest, u64)> {
    let manifests = manifests.iter().map(|doc| (doc.digest, 1000));
    let mut all: Vec<_> = manifests.chain(blobs.iter().map(|name| (blob(name), 10))).collect();
    all.sort_unstable();
    all
}

fn sorted(mut removed: RemovedContent) -> RemovedContent {
    removed.orphans.sort_unstable();
    removed
}

pub async fn of_nothing(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let doc = image(&["1"]);
    for what in [Selection::Repository, by_tag("x"), Selection::Digest(doc.digest)] {
        assert_eq!(remove(&catalog, &key, what).await, RemovedContent::default());
    }
    fill(&catalog, &key, &doc, &["v1"]).await;
    for what in [by_tag("x"), Selection::Digest(blob("1"))] {
        assert_eq!(remove(&catalog, &key, what).await, RemovedContent::default());
    }
    assert_eq!(tag_names(&catalog, &key).await, "v1");
}

pub async fn of_a_tag_among_two(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let doc = image(&["1"]);
    fill(&catalog, &key, &doc, &["a", "b"]).await;
    let removed = remove(&catalog, &key, by_tag("a")).await;
    assert_eq!(removed, RemovedContent { tags: 1, ..RemovedContent::default() });
    assert!(has(&catalog, &key, &doc).await && has_blob(&catalog, &key, "1").await);
    assert_eq!(tag_names(&catalog, &key).await, "b");
}

pub async fn of_the_last_tag(home: &Home) {
    let catalog = home.open().await;
    let key = upstream("quay.io", "a");
    let (doc, other) = (image(&["c1", "base", "own"]), image(&["c2", "base"]));
    fill(&catalog, &key, &doc, &["a"]).await;
    fill(&catalog, &key, &other, &[]).await;
    let removed = sorted(remove(&catalog, &key, by_tag("a")).await);
    let expected = orphans(&[&doc], &["c1", "own"]);
    assert_eq!(removed, RemovedContent { tags: 1, manifests: 1, unlinked: 2, orphans: expected });
    assert!(has_blob(&catalog, &key, "base").await, "the other, untagged image names it");
    assert!(has(&catalog, &key, &other).await);
    assert!(!has_blob(&catalog, &key, "own").await);
}

pub async fn of_an_index(home: &Home) {
    let catalog = home.open().await;
    let key = upstream("quay.io", "a");
    let (one, two, absent) = (image(&["c1", "base"]), image(&["c2", "base"]), image(&["c3"]));
    let inner = index(&[&two, &absent]);
    let outer = index(&[&one, &inner]);
    for doc in [&one, &two] {
        fill(&catalog, &key, doc, &[]).await;
    }
    put(&catalog, &key, &inner, &[]).await;
    put(&catalog, &key, &outer, &["v1"]).await;
    let removed = sorted(remove(&catalog, &key, by_tag("v1")).await);
    let expected = orphans(&[&one, &two, &inner, &outer], &["c1", "c2", "base"]);
    assert_eq!(removed, RemovedContent { tags: 1, manifests: 4, unlinked: 3, orphans: expected });
    assert!(!catalog.repository_known(&key).await.unwrap());
}

pub async fn shared_children_stay(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let (shared, own) = (image(&["c1", "base"]), image(&["c2", "base"]));
    let (one, two) = (index(&[&shared, &own]), index(&[&shared]));
    for doc in [&shared, &own] {
        fill(&catalog, &key, doc, &[]).await;
    }
    put(&catalog, &key, &one, &["one"]).await;
    // Nothing leads to this one: it is a root all the same.
    put(&catalog, &key, &two, &[]).await;
    let removed = sorted(remove(&catalog, &key, by_tag("one")).await);
    assert_eq!(
        removed,
        RemovedContent { tags: 1, manifests: 2, unlinked: 1, orphans: orphans(&[&one, &own], &["c2"]) }
    );
    assert!(has(&catalog, &key, &shared).await && has_blob(&catalog, &key, "base").await);
}

pub async fn tagged_children_stay(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let (one, two) = (image(&["c1"]), image(&["c2"]));
    let signature = about(&two, &["s"]);
    let list = index(&[&one, &two]);
    for doc in [&one, &two, &signature] {
        fill(&catalog, &key, doc, &[]).await;
    }
    put(&catalog, &key, &two, &["two"]).await;
    put(&catalog, &key, &list, &["list"]).await;
    let removed = remove(&catalog, &key, by_tag("list")).await;
    assert_eq!((removed.manifests, removed.unlinked), (2, 1));
    assert!(has(&catalog, &key, &two).await && has(&catalog, &key, &signature).await);
}

pub async fn of_a_digest_takes_its_tags(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let (one, two) = (image(&["c1"]), image(&["c2"]));
    let list = index(&[&one, &two]);
    for doc in [&one, &two] {
        fill(&catalog, &key, doc, &["x"]).await;
    }
    put(&catalog, &key, &one, &["a", "b"]).await;
    put(&catalog, &key, &list, &["list"]).await;
    let removed = sorted(remove(&catalog, &key, Selection::Digest(one.digest)).await);
    let expected = orphans(&[&one], &["c1"]);
    assert_eq!(removed, RemovedContent { tags: 2, manifests: 1, unlinked: 1, orphans: expected });
    assert_eq!(tag_names(&catalog, &key).await, "list x");
    assert!(has(&catalog, &key, &list).await, "an index may lack what it lists");
}

pub async fn referrers_go_with_their_subject(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let doc = image(&["1"]);
    let (signature, tagged) = (about(&doc, &["s1", "empty"]), about(&doc, &["s2", "empty"]));
    let note = about(&signature, &["n"]);
    for doc in [&doc, &signature, &note] {
        fill(&catalog, &key, doc, &[]).await;
    }
    put(&catalog, &key, &doc, &["v1"]).await;
    fill(&catalog, &key, &tagged, &["sbom"]).await;
    // A tagged note about it goes alone, its subject stays.
    let removed = remove(&catalog, &key, by_tag("sbom")).await;
    assert_eq!((removed.tags, removed.manifests, removed.unlinked), (1, 1, 1));
    fill(&catalog, &key, &tagged, &["sbom"]).await;

    let removed = sorted(remove(&catalog, &key, by_tag("v1")).await);
    let expected = orphans(&[&doc, &signature, &note], &["1", "s1", "n"]);
    assert_eq!(removed, RemovedContent { tags: 1, manifests: 3, unlinked: 3, orphans: expected });
    assert!(has(&catalog, &key, &tagged).await && has_blob(&catalog, &key, "empty").await);
}

pub async fn other_repositories_keep_theirs(home: &Home) {
    let catalog = home.open().await;
    let (key, other) = (upstream("quay.io", "a"), upstream("quay.io", "b"));
    let (doc, second) = (image(&["c", "base"]), image(&["d", "base"]));
    fill(&catalog, &key, &doc, &["v1"]).await;
    fill(&catalog, &other, &second, &["v1"]).await;
    let removed = sorted(remove(&catalog, &key, by_tag("v1")).await);
    assert_eq!((removed.manifests, removed.unlinked), (1, 2));
    assert_eq!(removed.orphans, orphans(&[&doc], &["c"]));
    assert!(has_blob(&catalog, &other, "base").await);
    assert_eq!(tag_names(&catalog, &other).await, "v1");
}

pub async fn of_a_repository(home: &Home) {
    let catalog = home.open().await;
    let (key, other) = (upstream("quay.io", "a"), upstream("quay.io", "a/b"));
    let (one, two) = (image(&["c1", "base"]), image(&["c2", "base"]));
    let list = index(&[&one, &two]);
    for doc in [&one, &two] {
        fill(&catalog, &key, doc, &[]).await;
    }
    put(&catalog, &key, &list, &["a", "b"]).await;
    catalog.link_blobs(&key, &[(blob("loose"), 10)], at(0)).await.unwrap();
    fill(&catalog, &other, &two, &["c"]).await;
    let removed = sorted(remove(&catalog, &key, Selection::Repository).await);
    let expected = orphans(&[&one, &list], &["c1", "loose"]);
    assert_eq!(removed, RemovedContent { tags: 2, manifests: 3, unlinked: 4, orphans: expected });
    assert!(!catalog.repository_known(&key).await.unwrap());
    assert_eq!(catalog.totals().await.unwrap().repositories, 1);
    assert!(has(&catalog, &other, &two).await && has_blob(&catalog, &other, "base").await);
}

pub async fn blobs_of_no_manifest_stay(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let doc = image(&["1"]);
    fill(&catalog, &key, &doc, &["v1"]).await;
    catalog.link_blobs(&key, &[(blob("uploaded"), 10)], at(0)).await.unwrap();
    remove(&catalog, &key, by_tag("v1")).await;
    assert!(has_blob(&catalog, &key, "uploaded").await);
    assert!(catalog.repository_known(&key).await.unwrap());
}
