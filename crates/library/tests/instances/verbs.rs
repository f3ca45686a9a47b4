//! What people do with their instances.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{InstancePhase, InstanceReason};
use entrepot_library::{
    Edit, Error, InstanceFault, InstanceSettings, InstanceTarget, NoPlace, QuotaFault, RunRequest, Volumes,
};
use entrepot_testkit::engine::{Dialect, EngineFault, Misbehaviour};

use crate::yard::{ANN, Yard, by, gate, target};

#[tokio::test]
async fn a_stopped_instance_keeps_its_disk_and_frees_its_card() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run_with_card("a").await;
    yard.library.stop_instance(target(instance.id), by()).await.unwrap();
    yard.library.instances_settled().await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Stopped, None));
    assert_eq!(yard.engine.containers(), [("entrepot-1".to_owned(), "exited")]);
    assert_eq!(yard.cards_taken().await, 0);
    assert_eq!(yard.runs(instance.id).await, [true]);

    yard.library.start_instance(target(instance.id), true, by()).await.unwrap();
    yard.library.instances_settled().await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Running, None));
    assert_eq!(yard.engine.calls_of("POST", "containers/create").len(), 1, "the same container");
    assert_eq!((yard.cards_taken().await, yard.runs(instance.id).await), (1, vec![true, false]));
}

#[tokio::test]
async fn a_start_finds_no_room_where_others_took_it() {
    let yard = Yard::new(Dialect::Docker28).await;
    let first = yard.run_with_card("a").await;
    yard.library.stop_instance(target(first.id), by()).await.unwrap();
    yard.library.instances_settled().await;
    for name in ["b", "c"] {
        yard.run_with_card(name).await;
    }
    let refused = yard.library.start_instance(target(first.id), true, by()).await;
    assert!(
        matches!(refused, Err(Error::Instance(InstanceFault::NoPlace(NoPlace::NoRoom(_))))),
        "{refused:?}"
    );
    assert_eq!(yard.state(first.id).await, (InstancePhase::Stopped, None));
}

#[tokio::test]
async fn without_cards_it_starts_where_none_is_free_and_keeps_its_disk() {
    for dialect in [Dialect::Docker28, Dialect::Podman5] {
        let yard = Yard::new(dialect).await;
        let first = yard.run_with_card("a").await;
        yard.library.stop_instance(target(first.id), by()).await.unwrap();
        yard.library.instances_settled().await;
        for name in ["b", "c"] {
            yard.run_with_card(name).await;
        }
        yard.library.start_instance(target(first.id), false, by()).await.unwrap();
        yard.library.instances_settled().await;
        let bare = yard.record(first.id).await;
        assert_eq!(yard.state(first.id).await, (InstancePhase::Running, None), "{:?}", bare.state.detail);
        assert!(!bare.state.has_devices && bare.state.container_id != first.state.container_id);
        let ours: Vec<_> =
            yard.engine.containers().into_iter().filter(|(name, _)| name.starts_with("entrepot-1")).collect();
        assert_eq!(ours, [("entrepot-1.r1".to_owned(), "running")], "the one before is gone");
        assert_eq!(yard.cards_taken().await, 2);
        let runs = yard.catalog.periods(first.id, None, 10).await.unwrap().rows;
        assert_eq!(runs.iter().map(|run| (run.cards, run.price)).collect::<Vec<_>>(), [(1, 10_000), (0, 0)]);

        // With another card, as soon as one is free.
        yard.library.stop_instance(target(2), by()).await.unwrap();
        yard.library.stop_instance(target(first.id), by()).await.unwrap();
        yard.library.instances_settled().await;
        yard.library.start_instance(target(first.id), true, by()).await.unwrap();
        yard.library.instances_settled().await;
        let again = yard.record(first.id).await;
        assert_eq!(yard.state(first.id).await, (InstancePhase::Running, None), "{:?}", again.state.detail);
        assert!(again.state.has_devices);
        assert_eq!((again.state.container_name.as_str(), yard.cards_taken().await), ("entrepot-1.r2", 2));
        yard.look().await;
        assert_eq!(yard.engine.containers().len(), 3);
    }
}

#[tokio::test]
async fn what_cannot_be_done_now_is_refused() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run("a").await;
    let running = yard.library.start_instance(target(instance.id), true, by()).await;
    assert!(matches!(running, Err(Error::Instance(InstanceFault::Phase(InstancePhase::Running)))));
    yard.library.stop_instance(target(instance.id), by()).await.unwrap();
    yard.library.instances_settled().await;
    for refused in [
        yard.library.stop_instance(target(instance.id), by()).await,
        yard.library.restart_instance(target(instance.id), by()).await,
    ] {
        assert!(matches!(refused, Err(Error::Instance(InstanceFault::Phase(InstancePhase::Stopped)))));
    }
}

#[tokio::test]
async fn a_start_right_after_a_stop_waits_for_it() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run_with_card("a").await;
    let gate = gate();
    yard.engine.fault(EngineFault::on("POST", "containers/*/stop", Misbehaviour::HoldAnswer(gate.clone())));
    yard.library.stop_instance(target(instance.id), by()).await.unwrap();
    let library = yard.library.clone();
    let id = target(instance.id);
    let starting = tokio::spawn(async move { library.start_instance(id, true, by()).await });
    yard.engine.asked("POST", "containers/*/stop", 1).await;
    assert!(!starting.is_finished());
    gate.open();
    starting.await.unwrap().unwrap();
    yard.library.instances_settled().await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Running, None));
    assert_eq!(yard.runs(instance.id).await, [true, false]);
}

#[tokio::test]
async fn somebody_elses_instance_does_not_exist() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run("a").await;
    let other = InstanceTarget { account: Some(ANN + 1), ..target(instance.id) };
    for refused in [
        yard.library.stop_instance(other, by()).await,
        yard.library.start_instance(other, true, by()).await,
        yard.library.restart_instance(other, by()).await,
        yard.library.remove_instance(other, Volumes::Keep, by()).await,
        yard.library.edit_instance(other, Edit::default(), by()).await,
        yard.library.instance(other.id, other.account).await.map(drop),
    ] {
        assert!(matches!(refused, Err(Error::Unknown { kind: "instance", .. })));
    }
    let manager = InstanceTarget { account: None, ..target(instance.id) };
    yard.library.stop_instance(manager, by()).await.unwrap();
}

#[tokio::test]
async fn a_restart_keeps_the_card() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run_with_card("a").await;
    yard.library.restart_instance(target(instance.id), by()).await.unwrap();
    yard.library.instances_settled().await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Running, None));
    assert_eq!((yard.cards_taken().await, yard.runs(instance.id).await), (1, vec![true, false]));
    assert_eq!(yard.record(instance.id).await.state.restarts, 1);
}

#[tokio::test]
async fn a_removed_instance_leaves_its_volume_unless_told_otherwise() {
    for (volumes, left) in
        [(Volumes::Keep, vec!["entrepot-1-data".to_owned()]), (Volumes::Remove, Vec::new())]
    {
        let yard = Yard::new(Dialect::Podman5).await;
        let instance = yard.run_with_card("a").await;
        yard.library.remove_instance(target(instance.id), volumes, by()).await.unwrap();
        yard.library.instances_settled().await;
        assert!(yard.all().await.is_empty() && yard.engine.containers().is_empty());
        assert_eq!(yard.engine.volumes(), left);
        let known = yard.catalog.volumes(Some(ANN), "", 10).await.unwrap().rows;
        assert_eq!(known.into_iter().map(|volume| volume.name).collect::<Vec<_>>(), left);
        assert_eq!((yard.cards_taken().await, yard.runs(instance.id).await), (0, vec![true]));
    }
}

#[tokio::test]
async fn a_volume_that_was_left_is_attached_again() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run("a").await;
    let mut request = yard.request("b");
    request.settings.volume = Some("entrepot-1-data".to_owned());
    let in_use = yard.ask(request.clone()).await;
    assert!(matches!(in_use, Err(Error::Instance(InstanceFault::Volume(_)))));
    yard.library.remove_instance(target(instance.id), Volumes::Keep, by()).await.unwrap();
    yard.library.instances_settled().await;
    let again = yard.up(request).await;
    assert_eq!(yard.state(again.id).await, (InstancePhase::Running, None));
    assert_eq!(yard.engine.volumes(), ["entrepot-1-data"]);
}

#[tokio::test]
async fn a_removal_waits_for_a_node_that_does_not_answer() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run("a").await;
    yard.engine.stop().await;
    yard.library.remove_instance(target(instance.id), Volumes::Keep, by()).await.unwrap();
    yard.library.instances_settled().await;
    assert_eq!(
        yard.state(instance.id).await,
        (InstancePhase::Deleting, Some(InstanceReason::NodeUnreachable))
    );
    yard.engine.restart();
    yard.look().await;
    assert!(yard.all().await.is_empty() && yard.engine.containers().is_empty());
}

#[tokio::test]
async fn a_removal_during_a_pull_leaves_nothing() {
    let yard = Yard::new(Dialect::Docker28).await;
    let gate = gate();
    yard.engine.fault(EngineFault::on("POST", "images/create", Misbehaviour::Hold(gate.clone())));
    let request = RunRequest { spec: 2.try_into().unwrap(), ..yard.request("a") };
    let made = yard.ask(request).await.unwrap();
    let entrepot_library::CreatedInstance::New(made) = made else { panic!() };
    yard.engine.asked("POST", "images/create", 1).await;
    yard.library.remove_instance(target(made.id), Volumes::Keep, by()).await.unwrap();
    gate.open();
    yard.library.instances_settled().await;
    assert!(yard.all().await.is_empty() && yard.engine.containers().is_empty());
    assert_eq!(yard.cards_taken().await, 0);
}

#[tokio::test]
async fn names_and_ends_are_changed() {
    let yard = Yard::new(Dialect::Docker28).await;
    let (one, _) = (yard.run("a").await, yard.run("b").await);
    let rename = |name: &str| Edit { name: Some(name.to_owned()), ..Edit::default() };
    let taken = yard.library.edit_instance(target(one.id), rename("b"), by()).await;
    assert!(matches!(taken, Err(Error::Instance(InstanceFault::NameTaken(_)))));
    let past = Edit { stop_at: Some(Some(SystemTime::UNIX_EPOCH)), ..rename("a b") };
    let Err(Error::Instance(InstanceFault::Request(faults))) =
        yard.library.edit_instance(target(one.id), past, by()).await
    else {
        panic!()
    };
    assert_eq!(faults.iter().map(entrepot_library::RunFault::field).collect::<Vec<_>>(), ["name", "stop_at"]);
    let stale = InstanceTarget { revision: Some(0), ..target(one.id) };
    assert!(matches!(yard.library.edit_instance(stale, rename("c"), by()).await, Err(Error::Stale)));
    let seen = InstanceTarget { revision: Some(yard.record(one.id).await.revision), ..target(one.id) };
    yard.library.edit_instance(seen, rename("c"), by()).await.unwrap();
    assert_eq!(yard.record(one.id).await.name, "c");
}

#[tokio::test]
async fn what_has_a_time_is_stopped_and_removed_by_it() {
    let soon = || Some(Some(SystemTime::now() + Duration::from_millis(20)));
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run_with_card("a").await;
    yard.library
        .edit_instance(target(instance.id), Edit { stop_at: soon(), ..Edit::default() }, by())
        .await
        .unwrap();
    while yard.state(instance.id).await.0 == InstancePhase::Running {
        yard.look().await;
    }
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Stopped, Some(InstanceReason::TimedStop)));
    yard.library
        .edit_instance(target(instance.id), Edit { release_at: soon(), ..Edit::default() }, by())
        .await
        .unwrap();
    while !yard.all().await.is_empty() {
        yard.look().await;
    }
    assert_eq!(yard.engine.volumes(), ["entrepot-1-data"], "data never goes by a clock");
}

#[tokio::test]
async fn an_owner_is_warned_once() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run("a").await;
    let soon = Edit { stop_at: Some(Some(SystemTime::now() + Duration::from_secs(600))), ..Edit::default() };
    yard.library.edit_instance(target(instance.id), soon.clone(), by()).await.unwrap();
    yard.look().await;
    let warned = yard.record(instance.id).await.state.warned;
    assert!(warned.is_some());
    yard.look().await;
    assert_eq!(yard.record(instance.id).await.state.warned, warned);
    let later = Edit { stop_at: Some(Some(SystemTime::now() + Duration::from_secs(9_000))), ..soon };
    yard.library.edit_instance(target(instance.id), later, by()).await.unwrap();
    assert_eq!(yard.record(instance.id).await.state.warned, None, "another time is another warning");
}

#[tokio::test]
async fn an_account_gets_what_its_quota_allows() {
    let mut settings = InstanceSettings::default();
    settings.quota.instances = Some(1);
    let yard = Yard::with(Dialect::Docker28, settings).await;
    yard.run("a").await;
    let refused = yard.ask(yard.request("b")).await;
    let quota = |fault| Err(InstanceFault::NoPlace(NoPlace::Quota(fault)));
    let fault = |refused: Result<_, Error>| match refused {
        Err(Error::Instance(fault)) => Err(fault),
        _ => Ok(()),
    };
    assert_eq!(fault(refused), quota(QuotaFault::Instances { have: 1, most: 1 }));
    let allowance = yard.library.allowance(ANN).await.unwrap();
    assert_eq!((allowance.instances, allowance.cards, allowance.limits.instances), (1, 0, Some(1)));
}

#[tokio::test]
async fn what_is_free_is_told_for_each_spec() {
    let yard = Yard::new(Dialect::Docker28).await;
    let free = async || {
        let free = yard.library.free(None).await.unwrap();
        free.into_iter().map(|free| (free.spec.name, free.instances)).collect::<Vec<_>>()
    };
    let expected =
        |cpu, card, slice| [("card".to_owned(), card), ("cpu".to_owned(), cpu), ("slice".to_owned(), slice)];
    assert_eq!(free().await, expected(64, 2, 18));
    yard.run_with_card("a").await;
    assert_eq!(free().await, expected(63, 1, 9));
}
