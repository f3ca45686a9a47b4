//! Deliveries to webhooks.

use crate::setup::*;
use entrepot_catalog::{DeliveryAttempt, DeliveryFilter, DeliveryStatus, KEPT_DELIVERIES, NewDelivery};

fn new(webhook: &str, event: &str, seconds: u64) -> NewDelivery {
    NewDelivery {
        webhook: webhook.to_owned(),
        event: event.to_owned(),
        kind: "disk.low".to_owned(),
        body: "{}".to_owned(),
        raised: at(seconds),
        next: Some(at(seconds)),
    }
}

fn tried(status: DeliveryStatus, next: u64) -> DeliveryAttempt {
    DeliveryAttempt {
        at: at(50),
        answer: Some(500),
        problem: Some("status 500".to_owned()),
        status,
        next: at(next),
    }
}

pub async fn deliveries_are_tried_in_the_order_of_their_times(home: &Home) {
    let catalog = home.open().await;
    assert_eq!(catalog.next_delivery("ops").await.unwrap(), None);
    let (ids, lost) =
        catalog.add_deliveries(&[new("ops", "a", 10), new("ops", "b", 20), new("x", "a", 5)]).await.unwrap();
    assert_eq!((ids.len(), lost), (3, 0));
    let first = catalog.next_delivery("ops").await.unwrap().unwrap();
    assert_eq!((first.id, first.event.as_str(), first.next), (ids[0], "a", at(10)));
    assert_eq!((first.status, first.attempts, first.tried), (DeliveryStatus::Waiting, 0, None));
    catalog.tried_delivery(ids[0], &tried(DeliveryStatus::Waiting, 60)).await.unwrap();
    assert_eq!(catalog.next_delivery("ops").await.unwrap().unwrap().event, "b");
    catalog.tried_delivery(ids[1], &tried(DeliveryStatus::Failed, 60)).await.unwrap();
    let again = catalog.next_delivery("ops").await.unwrap().unwrap();
    assert_eq!((again.event.as_str(), again.attempts, again.tried), ("a", 1, Some(at(50))));
    assert_eq!((again.answer, again.problem.as_deref()), (Some(500), Some("status 500")));
    catalog.close().await;
    let catalog = home.open().await;
    assert_eq!(catalog.next_delivery("ops").await.unwrap().unwrap(), again, "a restart forgets nothing");
    assert_eq!(catalog.waiting_deliveries("ops").await.unwrap(), 1);
}

pub async fn the_latest_deliveries_come_first(home: &Home) {
    let catalog = home.open().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let webhook = if number % 2 == 0 { "even" } else { "odd" };
        ids.extend(catalog.add_deliveries(&[new(webhook, "e", number)]).await.unwrap().0);
    }
    ids.sort_unstable();
    let list = async |filter: DeliveryFilter, limit| {
        let page = catalog.deliveries(&filter, limit).await.unwrap();
        (page.rows.iter().map(|row| row.id).collect::<Vec<_>>(), page.more)
    };
    assert_eq!(list(DeliveryFilter::default(), 2).await, (vec![ids[4], ids[3]], true));
    let before = DeliveryFilter { before: Some(ids[3]), ..DeliveryFilter::default() };
    assert_eq!(list(before, 9).await, (vec![ids[2], ids[1], ids[0]], false));
    let of =
        |webhook: &str, status| DeliveryFilter { webhook: Some(webhook.to_owned()), status, before: None };
    assert_eq!(list(of("even", None), 9).await.0.len(), 3);
    let even = catalog.deliveries(&of("even", None), 1).await.unwrap().rows[0].id;
    catalog.tried_delivery(even, &tried(DeliveryStatus::Delivered, 0)).await.unwrap();
    assert_eq!(list(of("even", Some(DeliveryStatus::Delivered)), 9).await.0, [even]);
    assert_eq!(list(of("even", Some(DeliveryStatus::Waiting)), 9).await.0.len(), 2);
}

pub async fn a_delivery_is_asked_for_once_more(home: &Home) {
    let catalog = home.open().await;
    let by_hand = NewDelivery { next: None, ..new("ops", "a", 10) };
    let id = catalog.add_deliveries(&[by_hand]).await.unwrap().0[0];
    assert_eq!(catalog.next_delivery("ops").await.unwrap(), None, "whoever recorded it tries it");
    catalog.tried_delivery(id, &tried(DeliveryStatus::Failed, 10)).await.unwrap();
    assert!(catalog.deliver_again(id, at(70)).await.unwrap());
    let next = catalog.next_delivery("ops").await.unwrap().unwrap();
    assert_eq!((next.id, next.next, next.attempts), (id, at(70), 0));
    assert!(!catalog.deliver_again(id + 1, at(70)).await.unwrap());
    assert_eq!(catalog.delivery(id + 1).await.unwrap(), None);
    assert_eq!(catalog.delivery(id).await.unwrap(), Some(next));
}

pub async fn deliveries_are_bounded_and_go_with_their_webhook(home: &Home) {
    let catalog = home.open().await;
    let many: Vec<_> = (0..KEPT_DELIVERIES).map(|_| new("ops", "a", 10)).collect();
    let ids = catalog.add_deliveries(&many).await.unwrap().0;
    let oldest = *ids.iter().min().unwrap();
    catalog.tried_delivery(oldest, &tried(DeliveryStatus::Delivered, 0)).await.unwrap();
    catalog.add_deliveries(&[new("other", "a", 10)]).await.unwrap();
    assert_eq!(catalog.add_deliveries(&[new("ops", "b", 20)]).await.unwrap().1, 0, "that one had not waited");
    assert_eq!(catalog.delivery(oldest).await.unwrap(), None);
    assert_eq!(catalog.add_deliveries(&[new("ops", "c", 30)]).await.unwrap().1, 1, "this one had");
    assert_eq!(catalog.waiting_deliveries("ops").await.unwrap(), KEPT_DELIVERIES as u64);
    assert_eq!(catalog.keep_deliveries_to(&["ops"]).await.unwrap(), 1);
    assert_eq!(catalog.waiting_deliveries("other").await.unwrap(), 0);
    assert_eq!(catalog.waiting_deliveries("ops").await.unwrap(), KEPT_DELIVERIES as u64);
}
