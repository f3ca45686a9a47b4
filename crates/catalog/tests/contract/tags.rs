//! Tags point, move, and come in order.

use crate::setup::*;
use entrepot_oci::Tag;

pub async fn points_and_moves(home: &Home) {
    let catalog = home.open().await;
    let key = upstream("quay.io", "a/b");
    let (one, two) = (image(&["1"]), image(&["2"]));
    assert_eq!(catalog.tag(&key, &tag("v1")).await.unwrap(), None);
    assert!(!catalog.repository_known(&key).await.unwrap());

    put_at(&catalog, &key, &one, &["v1"], 10).await;
    put_at(&catalog, &key, &one, &["v1"], 20).await;
    catalog.tag_checked(&key, &tag("v1"), at(30)).await.unwrap();
    catalog.tag_checked(&key, &tag("v2"), at(30)).await.unwrap();
    let record = catalog.tag(&key, &tag("v1")).await.unwrap().unwrap();
    assert_eq!((record.digest, record.updated, record.checked), (one.digest, at(10), at(30)));

    put_at(&catalog, &key, &two, &["v1"], 40).await;
    let record = catalog.tag(&key, &tag("v1")).await.unwrap().unwrap();
    assert_eq!((record.digest, record.updated, record.checked), (two.digest, at(40), at(40)));
    assert!(has(&catalog, &key, &one).await, "what a tag leaves behind stays");
    assert_eq!(catalog.tag(&key, &tag("v2")).await.unwrap(), None);
    assert!(catalog.repository_known(&key).await.unwrap());
}

pub async fn come_in_bytewise_order(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    let mut names = vec![
        "a", "B", "b", "A", "_x", "1", "10", "1.0", "1-0", "1_0", "1.0-rc", "Z", "z", "a-b", "a.b", "a_b",
        "aB", "ab",
    ];
    put(&catalog, &key, &image(&["1"]), &names).await;
    names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    assert_eq!(tag_names(&catalog, &key).await, names.join(" "));
    let rest = catalog.tags(&key, &page(2, "Z")).await.unwrap();
    assert_eq!((rest.tags, rest.more), (vec![tag("_x"), tag("a")], true));
}

pub async fn come_in_pages(home: &Home) {
    let catalog = home.open().await;
    let key = upstream("docker.io", "library/many");
    let mut names: Vec<_> = (0..2500).map(|n| format!("v{n}")).collect();
    put(&catalog, &key, &image(&["1"]), &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    names.sort();
    let mut seen = Vec::<Tag>::new();
    let mut pages = 0;
    while pages < 4 {
        let after = seen.last().map_or("", Tag::as_str).to_owned();
        let list = catalog.tags(&key, &page(1000, &after)).await.unwrap();
        pages += 1;
        seen.extend(list.tags);
        if !list.more {
            break;
        }
    }
    assert_eq!(pages, 3);
    assert!(seen.iter().map(Tag::as_str).eq(names.iter().map(String::as_str)));
    let none = catalog.tags(&key, &page(0, "")).await.unwrap();
    assert!(none.tags.is_empty() && !none.more);
    for (mark, more) in [(&names[1998], true), (&names[1999], false), (&names[2499], false)] {
        assert_eq!(catalog.tags(&key, &page(500, mark)).await.unwrap().more, more, "after {mark}");
    }
}

pub async fn are_kept_apart_by_repository(home: &Home) {
    let catalog = home.open().await;
    let keys = [
        hosted("a"),
        hosted("a-b"),
        hosted("a/b"),
        hosted("a.b/c"),
        upstream("a.b", "c"),
        upstream("a", "b"),
        upstream("a.b", "c/d"),
        upstream("localhost:5000", "a"),
        upstream("quay.io", "a"),
    ];
    for (n, key) in keys.iter().enumerate() {
        put(&catalog, key, &image(&[&n.to_string()]), &[&format!("t{n}"), "same"]).await;
    }
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(tag_names(&catalog, key).await, format!("same t{n}"), "{key}");
        let record = catalog.tag(key, &tag("same")).await.unwrap().unwrap();
        assert_eq!(record.digest, image(&[&n.to_string()]).digest);
        let other = image(&[&((n + 1) % keys.len()).to_string()]);
        assert!(!has(&catalog, key, &other).await, "{key}");
    }
}

pub async fn go_alone(home: &Home) {
    let catalog = home.open().await;
    let key = hosted("local/a");
    put(&catalog, &key, &image(&["1"]), &["a", "b"]).await;
    assert!(catalog.remove_tag(&key, &tag("a")).await.unwrap());
    assert!(!catalog.remove_tag(&key, &tag("a")).await.unwrap());
    assert!(!catalog.remove_tag(&hosted("local/b"), &tag("b")).await.unwrap());
    assert_eq!(tag_names(&catalog, &key).await, "b");
    assert!(catalog.remove_tag(&key, &tag("b")).await.unwrap());
    assert!(has(&catalog, &key, &image(&["1"])).await);
    assert!(catalog.repository_known(&key).await.unwrap());
}
