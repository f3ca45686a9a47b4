//! Lists of tags that no rule writes.

use crate::setup::*;
use entrepot_catalog::{
    Catalog, KEPT_PRUNES, NewPrune, PruneDecision, PruneOutcome, PruneStatus, PruneTag, RunId,
};
use entrepot_oci::Digest;

fn run() -> RunId {
    "7".parse().unwrap()
}

fn tags(count: usize) -> Vec<(String, String, Digest)> {
    (0..count).map(|tag| ("q.io/a".to_owned(), format!("v{tag}"), blob("x"))).collect()
}

async fn add(catalog: &Catalog, rule: &str, count: usize, seconds: u64) -> i64 {
    let tags = tags(count);
    let new = NewPrune {
        rule,
        run: run(),
        digest: blob(rule),
        tags: &tags,
        at: at(seconds),
        expires: at(seconds + 100),
    };
    catalog.add_prune(&new).await.unwrap()
}

fn decision(status: PruneStatus) -> PruneDecision<'static> {
    PruneDecision { status, by: "account:alice", at: at(50) }
}

pub async fn a_later_list_replaces_one_that_waits(home: &Home) {
    let catalog = home.open().await;
    assert_eq!(catalog.latest_prune("base").await.unwrap(), None);
    let first = add(&catalog, "base", 2, 1).await;
    add(&catalog, "other", 1, 1).await;
    let record = catalog.prune(first).await.unwrap().unwrap();
    assert_eq!((record.status, record.tags, record.run), (PruneStatus::Waiting, 2, run()));
    assert_eq!((record.created, record.expires, record.digest), (at(1), at(101), blob("base")));
    std::thread::sleep(std::time::Duration::from_millis(2));
    let second = add(&catalog, "base", 3, 2).await;
    assert_eq!(catalog.prune(first).await.unwrap().unwrap().status, PruneStatus::Replaced);
    assert_eq!(catalog.latest_prune("base").await.unwrap().unwrap().id, second);
    assert_eq!(catalog.latest_prune("other").await.unwrap().unwrap().status, PruneStatus::Waiting);
    catalog.replace_prune("base").await.unwrap();
    assert_eq!(catalog.prune(second).await.unwrap().unwrap().status, PruneStatus::Replaced);
    let of_base = catalog.prunes(Some("base"), None, 10).await.unwrap();
    assert_eq!(of_base.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [second, first]);
    assert_eq!(catalog.prunes(None, None, 10).await.unwrap().rows.len(), 3);
    assert!(catalog.prunes(Some("base"), Some(first), 10).await.unwrap().rows.is_empty());
}

pub async fn a_list_is_decided_about_once_and_keeps_what_became_of_it(home: &Home) {
    let catalog = home.open().await;
    let id = add(&catalog, "base", 250, 1).await;
    let page = catalog.prune_tags(id, 0, 100).await.unwrap();
    assert!(page.more && page.rows[0].0 == 1 && page.rows[99].1.tag == "v99");
    assert_eq!(catalog.prune_tags(id, 200, 100).await.unwrap().rows.len(), 50);
    assert!(catalog.decide_prune(id, &decision(PruneStatus::Approved)).await.unwrap());
    assert!(!catalog.decide_prune(id, &decision(PruneStatus::Rejected)).await.unwrap());
    let ended = PruneTag {
        repository: "q.io/a".to_owned(),
        tag: "v3".to_owned(),
        digest: blob("x"),
        outcome: PruneOutcome::Failed,
        problem: Some("no right".to_owned()),
        hint: None,
    };
    catalog.end_prune(id, &[(4, ended.clone())]).await.unwrap();
    let record = catalog.prune(id).await.unwrap().unwrap();
    assert_eq!((record.status, record.decided_by.as_deref()), (PruneStatus::Done, Some("account:alice")));
    assert_eq!(record.decided, Some(at(50)));
    let rows = catalog.prune_tags(id, 2, 2).await.unwrap().rows;
    assert_eq!(rows[1].1, ended);
    assert_eq!(rows[0].1.outcome, PruneOutcome::Listed);
}

pub async fn lists_that_nobody_deals_with_any_more_are_interrupted(home: &Home) {
    let catalog = home.open().await;
    let (approved, waiting) = (add(&catalog, "a", 1, 1).await, add(&catalog, "b", 1, 1).await);
    catalog.decide_prune(approved, &decision(PruneStatus::Approved)).await.unwrap();
    catalog.interrupt_prunes().await.unwrap();
    assert_eq!(catalog.prune(approved).await.unwrap().unwrap().status, PruneStatus::Interrupted);
    assert_eq!(catalog.prune(waiting).await.unwrap().unwrap().status, PruneStatus::Waiting);
}

pub async fn old_lists_go_with_their_tags(home: &Home) {
    let catalog = home.open().await;
    let first = add(&catalog, "base", 3, 1).await;
    for seconds in 0..KEPT_PRUNES as u64 {
        std::thread::sleep(std::time::Duration::from_millis(2));
        add(&catalog, "base", 1, seconds).await;
    }
    assert_eq!(catalog.prune(first).await.unwrap(), None);
    assert!(catalog.prune_tags(first, 0, 10).await.unwrap().rows.is_empty());
    assert_eq!(catalog.prunes(None, None, 100).await.unwrap().rows.len(), KEPT_PRUNES);
}
