//! Images that people asked for.

use entrepot_catalog::{
    Catalog, ImageRequestCounts, ImageRequestEnd, ImageRequestFilter, ImageRequestRecord, ImageRequestStatus,
    ImageRequestStep, NewImageRequest,
};
use entrepot_oci::Digest;

use crate::setup::{Home, at};

fn new(image: &str, client: &str) -> NewImageRequest {
    NewImageRequest {
        image: image.to_owned(),
        platforms: "linux/amd64".to_owned(),
        digest: Digest::of(image.as_bytes()),
        size: 7,
        client: client.to_owned(),
    }
}

async fn asked(catalog: &Catalog, image: &str, client: &str) -> ImageRequestRecord {
    catalog.ask_for_image(&new(image, client), at(1)).await.unwrap().0
}

fn end(status: ImageRequestStatus) -> ImageRequestEnd {
    ImageRequestEnd { status, error: None, detail: None }
}

pub async fn the_same_image_is_asked_for_once_by_many(home: &Home) {
    let catalog = home.open().await;
    let first = asked(&catalog, "a:1", "alice").await;
    assert_eq!((first.id, first.askers, first.step.status), (1, 1, ImageRequestStatus::Queued));
    assert_eq!((first.step.bytes_total, first.step.digest), (Some(7), Some(Digest::of(b"a:1"))));
    let (joined, is_new) = catalog.ask_for_image(&new("a:1", "10.0.0.7"), at(2)).await.unwrap();
    assert_eq!((joined.id, joined.askers, is_new), (1, 2, false));
    assert_eq!(asked(&catalog, "a:1", "alice").await.askers, 2, "the same one asks once");
    assert_eq!(asked(&catalog, "b:1", "alice").await.id, 2);
    assert!(
        catalog.has_asked(1, "10.0.0.7").await.unwrap() && !catalog.has_asked(2, "10.0.0.7").await.unwrap()
    );
    assert!(catalog.image_request_ended(1, &end(ImageRequestStatus::Done), at(3)).await.unwrap());
    assert_eq!(asked(&catalog, "a:1", "alice").await.id, 3, "what has ended is asked for anew");
}

pub async fn who_leaves_is_not_counted(home: &Home) {
    let catalog = home.open().await;
    for client in ["alice", "bob"] {
        asked(&catalog, "a:1", client).await;
    }
    assert_eq!(catalog.leave_image_request(1, "eve", at(2)).await.unwrap(), None);
    assert_eq!(catalog.leave_image_request(1, "alice", at(2)).await.unwrap(), Some(1));
    assert_eq!(catalog.leave_image_request(1, "alice", at(2)).await.unwrap(), None);
    let counts = catalog.image_request_counts("alice", at(0)).await.unwrap();
    assert_eq!(counts, ImageRequestCounts { open: 0, recent: 1, first_recent: Some(at(1)) });
    assert_eq!(asked(&catalog, "a:1", "alice").await.askers, 2, "and may come back");
    assert_eq!(catalog.image_request_counts("alice", at(1)).await.unwrap().recent, 0);
    assert_eq!(catalog.leave_image_request(1, "alice", at(3)).await.unwrap(), Some(1));
    assert_eq!(catalog.leave_image_request(1, "bob", at(3)).await.unwrap(), Some(0));
}

pub async fn requests_go_on_after_a_restart_and_end_once(home: &Home) {
    let catalog = home.open().await;
    for image in ["b:1", "a:1", "c:1"] {
        asked(&catalog, image, "alice").await;
    }
    let step = ImageRequestStep {
        status: ImageRequestStatus::Running,
        digest: Some(Digest::of(b"x")),
        bytes_total: Some(1 << 40),
        bytes_done: 3,
    };
    catalog.image_request_step(2, &step, at(2)).await.unwrap();
    catalog.image_request_step(2, &step, at(3)).await.unwrap();
    let failed = ImageRequestEnd {
        status: ImageRequestStatus::Failed,
        error: Some("denied".to_owned()),
        detail: Some("no".to_owned()),
    };
    assert!(catalog.image_request_ended(1, &failed, at(4)).await.unwrap());
    assert!(!catalog.image_request_ended(1, &end(ImageRequestStatus::Done), at(5)).await.unwrap());
    catalog.image_request_step(1, &step, at(6)).await.unwrap();
    drop(catalog);
    let catalog = home.open().await;
    let open: Vec<_> = catalog.unfinished_image_requests().await.unwrap();
    assert_eq!(open.iter().map(|request| request.id).collect::<Vec<_>>(), [2, 3], "in the order of asking");
    assert_eq!((&open[0].step, open[0].started), (&step, Some(at(2))));
    let ended = catalog.image_request(1).await.unwrap().unwrap();
    assert_eq!((ended.error.as_deref(), ended.finished), (Some("denied"), Some(at(4))));
}

pub async fn the_latest_requests_come_first(home: &Home) {
    let catalog = home.open().await;
    for (image, client) in [("a:1", "alice"), ("b:1", "bob"), ("c:1", "alice")] {
        asked(&catalog, image, client).await;
    }
    let listed = async |filter: ImageRequestFilter, limit| {
        let page = catalog.image_requests(&filter, limit).await.unwrap();
        (page.rows.into_iter().map(|request| request.image).collect::<Vec<_>>(), page.more)
    };
    let all = ImageRequestFilter::default();
    assert_eq!(listed(all.clone(), 2).await, (vec!["c:1".into(), "b:1".into()], true));
    assert_eq!(
        listed(ImageRequestFilter { before: Some(2), ..all.clone() }, 2).await,
        (vec!["a:1".into()], false)
    );
    let alice = ImageRequestFilter { client: Some("alice".to_owned()), ..all.clone() };
    assert_eq!(listed(alice, 9).await, (vec!["c:1".into(), "a:1".into()], false));
    catalog.image_request_ended(2, &end(ImageRequestStatus::Canceled), at(9)).await.unwrap();
    let canceled = ImageRequestFilter { status: Some(ImageRequestStatus::Canceled), ..all };
    assert_eq!(listed(canceled, 9).await, (vec!["b:1".into()], false));
}

pub async fn old_requests_are_forgotten(home: &Home) {
    let catalog = home.open().await;
    for image in ["a:1", "b:1", "c:1"] {
        asked(&catalog, image, "alice").await;
    }
    for id in [1, 3] {
        catalog.image_request_ended(id, &end(ImageRequestStatus::Done), at(10)).await.unwrap();
    }
    assert_eq!(catalog.trim_image_requests(3, at(10)).await.unwrap(), 0, "it ended too late");
    assert_eq!(catalog.trim_image_requests(3, at(11)).await.unwrap(), 1);
    assert!(
        catalog.image_request(1).await.unwrap().is_none() && !catalog.has_asked(1, "alice").await.unwrap()
    );
    assert!(catalog.image_request(2).await.unwrap().is_some(), "it has not ended");
}
