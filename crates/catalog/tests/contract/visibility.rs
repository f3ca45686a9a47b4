//! Whether repositories of upstreams are public.

use crate::setup::*;
use entrepot_catalog::VisibilityRecord;

fn seen(is_public: bool, seconds: u64) -> VisibilityRecord {
    VisibilityRecord { is_public, checked: at(seconds) }
}

pub async fn is_kept_without_content(home: &Home) {
    let catalog = home.open().await;
    let (key, other) = (upstream("quay.io", "a/b"), upstream("docker.io", "a/b"));
    assert_eq!(catalog.visibility(&key).await.unwrap(), None);
    catalog.set_visibility(&key, seen(true, 10)).await.unwrap();
    assert_eq!(catalog.visibility(&key).await.unwrap(), Some(seen(true, 10)));
    catalog.set_visibility(&key, seen(false, 20)).await.unwrap();
    catalog.close().await;

    let catalog = home.open().await;
    assert_eq!(catalog.visibility(&key).await.unwrap(), Some(seen(false, 20)));
    assert_eq!(catalog.visibility(&other).await.unwrap(), None);
    assert!(!catalog.repository_known(&key).await.unwrap(), "it is no content");
}

pub async fn is_trimmed_by_age_and_number(home: &Home) {
    let catalog = home.open().await;
    let key = |number: u64| upstream("quay.io", &format!("r/{number}"));
    for number in 1..=6 {
        catalog.set_visibility(&key(number), seen(number % 2 == 0, number * 10)).await.unwrap();
    }
    catalog.trim_visibility(at(20), 2).await.unwrap();
    let mut left = Vec::new();
    for number in 1..=6 {
        if catalog.visibility(&key(number)).await.unwrap().is_some() {
            left.push(number);
        }
    }
    assert_eq!(left, [2, 3, 4, 5, 6], "the first is too old");
    catalog.trim_visibility(at(20), 1).await.unwrap();
    assert_eq!(
        catalog.visibility(&key(3)).await.unwrap(),
        None,
        "of the private ones, only the latest stays"
    );
    assert!(catalog.visibility(&key(5)).await.unwrap().is_some());
    assert!(catalog.visibility(&key(2)).await.unwrap().is_some(), "public ones are not counted");
    catalog.trim_visibility(at(0), 10).await.unwrap();
    assert!(catalog.visibility(&key(5)).await.unwrap().is_some());
}

pub async fn accounts_are_remembered(home: &Home) {
    let catalog = home.open().await;
    let (host, team) = ("quay.io".parse().unwrap(), "org/team".parse().unwrap());
    assert!(catalog.upstream_accounts(&host).await.unwrap().is_empty());
    for _ in 0..2 {
        catalog.add_upstream_account(&host, Some(&team)).await.unwrap();
        catalog.add_upstream_account(&host, None).await.unwrap();
    }
    let mut known = catalog.upstream_accounts(&host).await.unwrap();
    known.sort_by_key(Option::is_some);
    assert_eq!(known, [None, Some(team)]);
    assert!(catalog.upstream_accounts(&"docker.io".parse().unwrap()).await.unwrap().is_empty());
}
