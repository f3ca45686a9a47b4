//! Use, listings and totals.

use crate::setup::*;
use entrepot_catalog::{Catalog, RepoKey, Selection, Totals, Use};
use entrepot_oci::{Digest, Page};

pub async fn is_added_up(home: &Home) {
    let catalog = home.open().await;
    let key = upstream("quay.io", "a");
    let (one, two) = (image(&["1"]), image(&["2"]));
    for doc in [&one, &two] {
        put(&catalog, &key, doc, &[]).await;
    }
    let used = |doc: &Doc, pulls, seconds| Use {
        key: key.clone(),
        digest: doc.digest,
        pulls,
        counted: pulls,
        last: at(seconds),
    };
    catalog.record_uses(&[used(&one, 2, 50), used(&two, 1, 10), used(&one, 1, 20)]).await.unwrap();
    catalog.record_uses(&[used(&one, 4, 30), used(&image(&["unknown"]), 9, 99)]).await.unwrap();
    catalog.record_uses(&[]).await.unwrap();
    let row = catalog.repositories(&Page::default(), None).await.unwrap().rows.pop().unwrap();
    assert_eq!((row.pulls, row.last_used), (8, Some(at(50))));
    let images = catalog.images(&key, &Page::default()).await.unwrap();
    let row = images.rows.iter().find(|row| row.digest == two.digest).unwrap();
    assert_eq!((row.pulls, row.last_used), (1, Some(at(10))));
}

async fn listed(catalog: &Catalog, page: &Page, prefix: Option<&str>) -> (String, bool) {
    let listing = catalog.repositories(page, prefix).await.unwrap();
    let names: Vec<_> = listing.rows.iter().map(|row| row.key.to_string()).collect();
    (names.join(" "), listing.more)
}

pub async fn repositories_are_listed(home: &Home) {
    let catalog = home.open().await;
    let main = upstream("quay.io", "a");
    for key in
        [&hosted("local/a"), &main, &upstream("quay.io", "a-b"), &upstream("quay.io", "a/b"), &hosted("b_c")]
    {
        catalog.link_blobs(key, &[(blob("1"), 10)], at(0)).await.unwrap();
    }
    let doc = image(&["1", "2"]);
    fill(&catalog, &main, &doc, &["x", "y"]).await;
    // A manifest that is linked as a blob too counts once.
    catalog.link_blobs(&main, &[(doc.digest, 1000)], at(0)).await.unwrap();

    let all = "b_c local/a quay.io/a quay.io/a-b quay.io/a/b";
    assert_eq!(listed(&catalog, &Page::default(), None).await, (all.into(), false));
    assert_eq!(listed(&catalog, &page(2, ""), None).await, ("b_c local/a".into(), true));
    let rest = listed(&catalog, &page(10, "local/a"), None).await;
    assert_eq!(rest, ("quay.io/a quay.io/a-b quay.io/a/b".into(), false));
    assert_eq!(listed(&catalog, &page(10, ""), Some("quay.io/a/")).await, ("quay.io/a/b".into(), false));
    assert_eq!(listed(&catalog, &page(10, "quay.io/a-b"), Some("quay.io/")).await.0, "quay.io/a/b");
    assert_eq!(listed(&catalog, &page(1, "a"), Some("quay.io/a")).await, ("quay.io/a".into(), true));
    assert_eq!(listed(&catalog, &page(0, ""), None).await, (String::new(), false));

    let row = catalog.repositories(&page(1, "local/a"), None).await.unwrap().rows.pop().unwrap();
    assert_eq!(row.key, main);
    assert_eq!((row.tags, row.manifests, row.blobs, row.bytes), (2, 1, 3, 1000 + 20));
    assert_eq!((row.pulls, row.last_used), (0, None));
}

pub async fn names_written_alike_are_listed_together(home: &Home) {
    let catalog = home.open().await;
    for key in [hosted("a.b/c"), upstream("a.b", "c"), hosted("z")] {
        catalog.link_blobs(&key, &[(blob("1"), 10)], at(0)).await.unwrap();
    }
    assert_eq!(listed(&catalog, &page(1, ""), None).await, ("a.b/c a.b/c".into(), true));
    assert_eq!(listed(&catalog, &page(1, "a.b/c"), None).await, ("z".into(), false));
}

pub async fn images_are_roots(home: &Home) {
    let catalog = home.open().await;
    let key = upstream("quay.io", "a");
    let (one, two, three) = (image(&["c1", "base"]), image(&["c2", "base"]), image(&["c3"]));
    let inner = index(&[&two, &three]);
    let outer = index(&[&one, &inner]);
    for doc in [&one, &two, &three] {
        fill(&catalog, &key, doc, &[]).await;
    }
    put(&catalog, &key, &inner, &[]).await;
    put(&catalog, &key, &outer, &["v1", "v0"]).await;
    put(&catalog, &key, &two, &["two"]).await;
    // Of this one we hold the manifest and one blob of two.
    let half = image(&["base", "not here"]);
    put_at(&catalog, &key, &half, &[], 7).await;

    let listing = catalog.images(&key, &Page::default()).await.unwrap();
    assert!(!listing.more && listing.rows.is_sorted_by_key(|row| row.digest.to_string()));
    let find = |doc: &Doc| listing.rows.iter().find(|row| row.digest == doc.digest).unwrap();
    assert_eq!(listing.rows.len(), 3);
    assert_eq!(find(&outer).tags, [tag("v0"), tag("v1")]);
    assert_eq!(find(&outer).size_held, 5 * 1000 + 4 * 10);
    assert_eq!((find(&two).tags.clone(), find(&two).size_held), (vec![tag("two")], 1020));
    assert_eq!((find(&half).tags.len(), find(&half).size_held, find(&half).created), (0, 1010, at(7)));

    let first = catalog.images(&key, &page(1, "")).await.unwrap();
    let rest = catalog.images(&key, &page(9, &first.rows[0].digest.to_string())).await.unwrap();
    assert!(first.more && !rest.more);
    assert_eq!([first.rows, rest.rows].concat(), listing.rows);
    assert!(catalog.images(&hosted("none"), &Page::default()).await.unwrap().rows.is_empty());
}

pub async fn totals_count_once(home: &Home) {
    let catalog = home.open().await;
    assert_eq!(catalog.totals().await.unwrap(), Totals::default());
    let doc = image(&["1", "2"]);
    for key in [hosted("local/a"), upstream("quay.io", "a")] {
        fill(&catalog, &key, &doc, &["x", "y"]).await;
    }
    catalog.link_blobs(&hosted("c"), &[(doc.digest, 1000)], at(0)).await.unwrap();
    let expected = Totals { repositories: 3, tags: 4, manifests: 1, blobs: 3, bytes: 1020 };
    assert_eq!(catalog.totals().await.unwrap(), expected);
    catalog.ping().await.unwrap();
}

/// Tags, manifests, blobs and bytes, as a listing gives them.
async fn counted(catalog: &Catalog, key: &RepoKey) -> Option<(u64, u64, u64, u64)> {
    let listing = catalog.repositories(&Page::default(), Some(&key.to_string())).await.unwrap();
    let row = listing.rows.into_iter().find(|row| row.key == *key)?;
    Some((row.tags, row.manifests, row.blobs, row.bytes))
}

pub async fn counts_follow_every_change(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let doc = image(&["1", "2"]);
    catalog.link_blobs(&key, &[(blob("1"), 10), (blob("2"), 10)], at(0)).await.unwrap();
    assert_eq!(counted(&catalog, &key).await, Some((0, 0, 2, 20)));
    put(&catalog, &key, &doc, &["x", "y"]).await;
    assert_eq!(counted(&catalog, &key).await, Some((2, 1, 2, 1020)));
    // A manifest that is linked as a blob too counts once.
    catalog.link_blobs(&key, &[(doc.digest, 1000)], at(0)).await.unwrap();
    assert_eq!(counted(&catalog, &key).await, Some((2, 1, 3, 1020)));
    catalog.unlink_blob(&key, &doc.digest).await.unwrap();
    assert!(catalog.remove_tag(&key, &tag("x")).await.unwrap());
    assert_eq!(counted(&catalog, &key).await, Some((1, 1, 2, 1020)));
    assert!(catalog.remove_manifest(&key, &doc.digest).await.unwrap());
    assert_eq!(counted(&catalog, &key).await, Some((0, 0, 2, 20)));
    put(&catalog, &key, &doc, &["z"]).await;
    catalog.remove(&key, &Selection::Tag(tag("z"))).await.unwrap();
    assert_eq!(counted(&catalog, &key).await, None);
    catalog.link_blobs(&key, &[(blob("3"), 10)], at(0)).await.unwrap();
    assert_eq!(counted(&catalog, &key).await, Some((0, 0, 1, 10)));
}

pub async fn counts_are_right_while_many_write(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let write = |n: usize| {
        let (catalog, key) = (catalog.clone(), key.clone());
        tokio::spawn(async move {
            for round in 0..10 {
                catalog.link_blobs(&key, &[(blob(&format!("{n}-{round}")), 10)], at(0)).await.unwrap();
                catalog.count_changes().await.unwrap();
            }
        })
    };
    let writers: Vec<_> = (0..8).map(write).collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(counted(&catalog, &key).await, Some((0, 0, 80, 800)));
}

pub async fn an_older_catalog_is_counted(home: &Home) {
    let catalog = home.open().await;
    let (key, doc) = (upstream("quay.io", "a"), image(&["1", "2"]));
    fill(&catalog, &key, &doc, &["x"]).await;
    catalog.link_blobs(&key, &[(doc.digest, 1000)], at(0)).await.unwrap();
    catalog
        .record_uses(&[Use { key: key.clone(), digest: doc.digest, pulls: 3, counted: 3, last: at(9) }])
        .await
        .unwrap();
    catalog.link_blobs(&hosted("b"), &[(blob("1"), 10)], at(0)).await.unwrap();
    catalog.close().await;
    let columns = ["tags", "manifests", "blobs", "bytes", "pulls", "last_used_ms"];
    let drops = columns.map(|column| format!("ALTER TABLE repository DROP COLUMN {column};")).concat();
    let version = "DELETE FROM _sqlx_migrations WHERE version = 4";
    home.meddle(&format!("{drops} DROP TABLE repository_change; {version}")).await;

    let catalog = home.open().await;
    assert_eq!(counted(&catalog, &key).await, Some((1, 1, 3, 1020)));
    assert_eq!(counted(&catalog, &hosted("b")).await, Some((0, 0, 1, 10)));
    let row = catalog.repositories(&Page::default(), Some("quay.io/")).await.unwrap().rows.pop().unwrap();
    assert_eq!((row.pulls, row.last_used), (3, Some(at(9))));
}

pub async fn what_is_recorded_is_found(home: &Home) {
    let catalog = home.open().await;
    let doc = image(&["1", "2"]);
    for key in [hosted("local/a"), upstream("quay.io", "a")] {
        fill(&catalog, &key, &doc, &["x"]).await;
    }
    catalog.link_blobs(&hosted("c"), &[(doc.digest, 1000)], at(0)).await.unwrap();
    let mut expected = vec![(doc.digest, 1000), (blob("1"), 10), (blob("2"), 10)];
    expected.sort_unstable();
    for limit in 1..5 {
        let mut all: Vec<(Digest, u64)> = Vec::new();
        loop {
            let last = all.last().map(|(digest, _)| *digest);
            let page = catalog.recorded(last.as_ref(), limit).await.unwrap();
            assert!(page.rows.len() <= limit);
            all.extend(page.rows);
            if !page.more {
                break;
            }
        }
        assert_eq!(all, expected);
    }
    let holders = catalog.manifest_holders(&doc.digest, 10).await.unwrap();
    assert_eq!(holders, [hosted("local/a"), upstream("quay.io", "a")]);
}
