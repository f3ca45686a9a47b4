//! Pulls of images by nodes.

use entrepot_catalog::{Catalog, NewPull, PullEnd, PullFilter, PullRecord, PullStatus, PullStep};

use crate::setup::{Home, at};

const IMAGE: &str = "docker.io/library/nginx@sha256:1";

fn new(node: i64, reference: &str) -> NewPull {
    NewPull { node, reference: reference.to_owned(), entry: Some(3), created_by: "alice".to_owned() }
}

async fn added(catalog: &Catalog, node: i64, reference: &str) -> PullRecord {
    let (record, is_new) = catalog.add_pull(&new(node, reference), at(1)).await.unwrap();
    assert!(is_new);
    record
}

fn end(status: PullStatus) -> PullEnd {
    PullEnd { status, error: None, detail: None }
}

pub async fn pulls_of_one_image_by_one_node_are_one(home: &Home) {
    let catalog = home.open().await;
    let first = added(&catalog, 1, IMAGE).await;
    assert_eq!((first.step.status, first.step.attempt, first.entry), (PullStatus::Queued, 1, Some(3)));
    assert_eq!(catalog.add_pull(&new(1, IMAGE), at(2)).await.unwrap(), (first.clone(), false));
    let elsewhere = added(&catalog, 2, IMAGE).await;
    assert!(catalog.pull_ended(first.id, &end(PullStatus::Succeeded), at(3)).await.unwrap());
    let again = added(&catalog, 1, IMAGE).await;
    assert_eq!((first.id, elsewhere.id, again.id), (1, 2, 3));
}

pub async fn pulls_end_once(home: &Home) {
    let catalog = home.open().await;
    let pull = added(&catalog, 1, IMAGE).await;
    let step = PullStep {
        status: PullStatus::Downloading,
        layers_total: Some(4),
        layers_done: 1,
        bytes_total: Some(1 << 40),
        bytes_done: 7,
        attempt: 2,
    };
    catalog.pull_step(pull.id, &step, at(2)).await.unwrap();
    catalog.pull_step(pull.id, &step, at(3)).await.unwrap();
    assert_eq!(catalog.unfinished_pulls().await.unwrap().len(), 1);
    let failed = PullEnd {
        status: PullStatus::Failed,
        error: Some("denied".to_owned()),
        detail: Some("pull access denied".to_owned()),
    };
    assert!(catalog.pull_ended(pull.id, &failed, at(4)).await.unwrap());
    assert!(!catalog.pull_ended(pull.id, &end(PullStatus::Canceled), at(5)).await.unwrap());
    catalog.pull_step(pull.id, &PullStep { bytes_done: 9, ..step.clone() }, at(6)).await.unwrap();
    let now = catalog.pull(pull.id).await.unwrap().unwrap();
    assert_eq!(now.step, PullStep { status: PullStatus::Failed, ..step });
    assert_eq!((now.started, now.finished), (Some(at(2)), Some(at(4))));
    assert_eq!((now.error.as_deref(), now.detail.as_deref()), (Some("denied"), Some("pull access denied")));
    assert_eq!(catalog.unfinished_pulls().await.unwrap(), []);
    assert_eq!(catalog.pull(99).await.unwrap(), None);
}

pub async fn the_latest_pulls_come_first(home: &Home) {
    let catalog = home.open().await;
    for (node, image) in [(1, "a"), (2, "a"), (1, "b"), (1, "c")] {
        added(&catalog, node, image).await;
    }
    catalog.pull_ended(3, &end(PullStatus::Canceled), at(2)).await.unwrap();
    let ids = |filter: PullFilter, limit: usize| {
        let catalog = catalog.clone();
        async move {
            let page = catalog.pulls(&filter, limit).await.unwrap();
            (page.rows.into_iter().map(|pull| pull.id).collect::<Vec<_>>(), page.more)
        }
    };
    let none = PullFilter::default;
    assert_eq!(ids(none(), 3).await, (vec![4, 3, 2], true));
    assert_eq!(ids(PullFilter { before: Some(2), ..none() }, 3).await, (vec![1], false));
    assert_eq!(ids(PullFilter { node: Some(1), ..none() }, 2).await, (vec![4, 3], true));
    assert_eq!(ids(PullFilter { node: Some(1), before: Some(3), ..none() }, 2).await, (vec![1], false));
    let canceled = PullFilter { status: Some(PullStatus::Canceled), ..none() };
    assert_eq!(ids(canceled.clone(), 9).await, (vec![3], false));
    assert_eq!(ids(PullFilter { node: Some(2), ..canceled }, 9).await, (vec![], false));
}

pub async fn old_pulls_are_forgotten(home: &Home) {
    let catalog = home.open().await;
    for image in ["a", "b", "c"] {
        added(&catalog, 1, image).await;
    }
    catalog.pull_ended(1, &end(PullStatus::Succeeded), at(2)).await.unwrap();
    catalog.pull_ended(3, &end(PullStatus::Succeeded), at(2)).await.unwrap();
    assert_eq!(catalog.trim_pulls(3).await.unwrap(), 1);
    let left: Vec<_> = catalog.pulls(&PullFilter::default(), 9).await.unwrap().rows;
    assert_eq!(left.iter().map(|pull| pull.id).collect::<Vec<_>>(), [3, 2]);
}

pub async fn many_ask_at_once_and_one_pulls(home: &Home) {
    let catalog = home.open().await;
    let asks = (0..16).map(|_| {
        let catalog = catalog.clone();
        tokio::spawn(async move { catalog.add_pull(&new(1, IMAGE), at(1)).await.unwrap() })
    });
    let mut answers = Vec::new();
    for ask in asks.collect::<Vec<_>>() {
        answers.push(ask.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|(_, is_new)| *is_new).count(), 1);
    assert!(answers.iter().all(|(record, _)| record.id == answers[0].0.id));
}
