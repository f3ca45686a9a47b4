//! Many at once, cut short, opened again.

use crate::setup::*;
use entrepot_catalog::{Catalog, Error, Selection, UnlinkOutcome};

pub async fn sixteen_writers(home: &Home) {
    let catalog = home.open().await;
    let tasks: Vec<_> = (0..16).map(|n| tokio::spawn(write(catalog.clone(), n))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    for n in 0..4 {
        let key = upstream("quay.io", &format!("shared{n}"));
        assert_eq!(catalog.tags(&key, &page(100, "")).await.unwrap().tags.len(), 40);
    }
    let totals = catalog.totals().await.unwrap();
    assert_eq!((totals.repositories, totals.tags, totals.manifests), (4, 160, 160));
    assert_eq!(catalog.blob_holders(&blob("base"), 100).await.unwrap().len(), 4);
}

/// Ten images into one of four repositories that three others write to as well.
async fn write(catalog: Catalog, n: usize) {
    let key = upstream("quay.io", &format!("shared{}", n % 4));
    for round in 0..10 {
        let name = format!("t{n}-{round}");
        let doc = image(&[&name, "base"]);
        fill(&catalog, &key, &doc, &[&name]).await;
        assert!(catalog.tag(&key, &tag(&name)).await.unwrap().is_some(), "what is written can be read");
    }
}

pub async fn unlinking_everywhere_finds_one_last(home: &Home) {
    let catalog = home.open().await;
    let keys: Vec<_> = (0..8).map(|n| hosted(&format!("local/{n}"))).collect();
    for key in &keys {
        catalog.link_blobs(key, &[(blob("1"), 10)], at(0)).await.unwrap();
    }
    let unlink = |key| {
        let catalog = catalog.clone();
        tokio::spawn(async move { catalog.unlink_blob(&key, &blob("1")).await.unwrap() })
    };
    let tasks: Vec<_> = keys.into_iter().map(unlink).collect();
    let mut last = 0;
    for task in tasks {
        last += usize::from(task.await.unwrap() == UnlinkOutcome::Last);
    }
    assert_eq!(last, 1);
    assert_eq!(catalog.totals().await.unwrap().repositories, 0);
}

pub async fn aborted_writers_leave_nothing_open(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    for round in 0..60_u64 {
        let (catalog, key) = (catalog.clone(), key.clone());
        let task = tokio::spawn(async move {
            let name = format!("t{round}");
            fill(&catalog, &key, &image(&[&name, "base"]), &[&name]).await;
            catalog.remove(&key, &Selection::Tag(tag(&name))).await.unwrap();
        });
        tokio::time::sleep(std::time::Duration::from_micros(round * 97)).await;
        task.abort();
        drop(task.await);
    }
    fill(&catalog, &key, &image(&["end"]), &["end"]).await;
    assert!(catalog.tag(&key, &tag("end")).await.unwrap().is_some());
    // No tag without its manifest, no manifest half named.
    for row in catalog.images(&key, &page(1000, "")).await.unwrap().rows {
        assert!(row.size_held >= 1010, "{row:?}");
    }
}

pub async fn reopening_keeps_all(home: &Home) {
    let key = upstream("quay.io", "a");
    let doc = image(&["1"]);
    let catalog = home.open().await;
    fill(&catalog, &key, &doc, &["v1"]).await;
    catalog.close().await;
    assert!(catalog.ping().await.is_err());
    let catalog = home.open().await;
    assert_eq!(catalog.tag(&key, &tag("v1")).await.unwrap().unwrap().digest, doc.digest);
    assert!(has(&catalog, &key, &doc).await && has_blob(&catalog, &key, "1").await);
    // Without being closed, as after a crash of the program.
    fill(&catalog, &key, &image(&["2"]), &["v2"]).await;
    let again = home.open().await;
    assert_eq!(tag_names(&again, &key).await, "v1 v2");
}

pub async fn newer_tables_are_refused(home: &Home) {
    home.open().await.close().await;
    home.meddle(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT 9999, description, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
    )
    .await;
    let refused = Catalog::open(&home.location).await.unwrap_err();
    assert!(matches!(refused, Error::Newer { found: 9999, known } if known < 9999));
    let message = refused.to_string();
    assert!(message.starts_with("the database has tables of version 9999, this program knows them up to"));
}

pub async fn two_open_at_once(home: &Home) {
    let (one, two) = tokio::join!(Catalog::open(&home.location), Catalog::open(&home.location));
    let (one, two) = (one.unwrap(), two.unwrap());
    fill(&one, &hosted("local/a"), &image(&["1"]), &["v1"]).await;
    assert_eq!(tag_names(&two, &hosted("local/a")).await, "v1");
}
