//! Waiting for a card.

use std::collections::BTreeSet;

use entrepot_events::{Event, EventKind, channel};
use entrepot_library::{Error, Tenant};
use entrepot_testkit::engine::Dialect;

use crate::yard::{ANN, Yard, by, target};

fn ann() -> Tenant {
    Tenant::account(ANN, "ann")
}

#[tokio::test]
async fn who_waits_for_a_card_is_named_once_when_one_is_free() {
    let (events, mut operators) = channel(BTreeSet::from([EventKind::CardFree]));
    let yard = Yard::new(Dialect::Docker28).await.with_events(events);
    let (spec, mut taken) = (2.try_into().unwrap(), Vec::new());
    for name in ["a", "b"] {
        taken.push(yard.run_with_card(name).await.id);
    }
    yard.library.wait_for_spec(spec, &ann(), &by()).await.unwrap();
    yard.library.wait_for_spec(spec, &ann(), &by()).await.unwrap();
    yard.library.wait_for_spec(spec, &Tenant::account(8, "bob"), &by()).await.unwrap();
    yard.library.wait_for_spec(spec, &Tenant::owner(), &by()).await.unwrap();
    yard.library.end_spec_wait(spec, &Tenant::owner()).await.unwrap();
    yard.library.tell_of_free_cards().await.unwrap();
    assert_eq!(operators.try_next(), None, "there is none");
    yard.library.stop_instance(target(taken[0]), by()).await.unwrap();
    yard.library.instances_settled().await;
    yard.library.tell_of_free_cards().await.unwrap();
    let Some(Event::CardFree(told)) = operators.try_next().map(|raised| raised.event) else { panic!() };
    assert_eq!((told.free, told.accounts), (1, vec!["ann".to_owned(), "bob".to_owned()]));
    yard.library.tell_of_free_cards().await.unwrap();
    assert_eq!(operators.try_next(), None, "once");
}

#[tokio::test]
async fn nobody_waits_for_what_nobody_would_be_told() {
    let yard = Yard::new(Dialect::Docker28).await;
    let refused = yard.library.wait_for_spec(2.try_into().unwrap(), &ann(), &by()).await;
    assert!(matches!(refused, Err(Error::NobodyListens)), "{refused:?}");
    let unknown = yard.library.wait_for_spec(99.try_into().unwrap(), &ann(), &by()).await;
    assert!(matches!(unknown, Err(Error::Unknown { kind: "spec", .. })), "{unknown:?}");
    assert_eq!(yard.catalog.spec_waits().await.unwrap(), []);
}
