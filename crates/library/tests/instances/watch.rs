//! What is noticed at once, because engines say so.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{AccountKind, InstancePhase, InstanceReason, NewAccount, QuotaRecord};
use entrepot_library::InstanceSettings;
use entrepot_testkit::engine::Dialect;
use tokio_util::sync::CancellationToken;

use crate::yard::Yard;

/// Nothing is looked at by the clock.
async fn watched(dialect: Dialect) -> (Yard, CancellationToken) {
    let look_every = Duration::from_secs(24 * 60 * 60);
    let yard = Yard::with(dialect, InstanceSettings { look_every, ..InstanceSettings::default() }).await;
    let stop = CancellationToken::new();
    let (library, until) = (yard.library.clone(), stop.clone());
    tokio::spawn(async move { library.watch_instances(until).await });
    yard.engine.asked("GET", "events", 1).await;
    (yard, stop)
}

#[tokio::test]
async fn a_program_that_ends_is_seen_at_once() {
    for dialect in Dialect::ALL {
        let (yard, stop) = watched(dialect).await;
        let instance = yard.run_with_card("a").await;
        yard.engine.end("entrepot-1", 3);
        yard.reaches(instance.id, InstancePhase::Failed).await;
        assert_eq!(yard.state(instance.id).await.1, Some(InstanceReason::Exited), "{dialect:?}");
        assert_eq!(yard.cards_taken().await, 0);
        stop.cancel();
    }
}

// Row 63: an engine that was restarted between two looks has taken its containers down, which are not charged meanwhile.
#[tokio::test]
async fn what_an_engine_took_down_comes_back_after_its_restart() {
    let (yard, stop) = watched(Dialect::Docker28).await;
    let instance = yard.run_with_card("a").await;
    yard.engine.stop().await;
    yard.engine.end("entrepot-1", 143);
    yard.engine.restart();
    let restarted = async {
        while yard.record(instance.id).await.state.restarts == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), restarted).await.unwrap();
    yard.reaches(instance.id, InstancePhase::Running).await;
    assert_eq!(yard.runs(instance.id).await, [true, false]);
    stop.cancel();
}

#[tokio::test]
async fn hours_that_are_used_up_stop_what_has_cards() {
    let mut yard = Yard::new(Dialect::Docker28).await;
    let ann = NewAccount {
        name: "ann".to_owned(),
        kind: AccountKind::Local,
        subject: None,
        role: "user".to_owned(),
        password: None,
        groups: Vec::new(),
    };
    let ann = yard.catalog.add_account(&ann, SystemTime::now()).await.unwrap().unwrap();
    yard.account = ann;
    let (card, bare) = (yard.run_with_card("a").await, yard.run("b").await);
    let view = async |id: i64| yard.library.instance(id.try_into().unwrap(), Some(ann)).await.unwrap();
    let quota = |hours| QuotaRecord { account_id: ann, instances: None, cards: None, hours: Some(hours) };
    yard.catalog.set_quota(&quota(1_000_000)).await.unwrap();
    assert!(view(card.id).await.stop_at.is_none(), "more than a month has");
    yard.look().await;
    assert_eq!(yard.state(card.id).await, (InstancePhase::Running, None));
    yard.catalog.set_quota(&quota(0)).await.unwrap();
    assert!(view(card.id).await.stop_at.is_some() && view(bare.id).await.stop_at.is_none());
    yard.look().await;
    assert_eq!(yard.state(card.id).await, (InstancePhase::Stopped, Some(InstanceReason::QuotaUsed)));
    assert_eq!(yard.state(bare.id).await, (InstancePhase::Running, None), "it uses no hours");
}
