//! What becomes of instances when engines, machines and other people do something.

use std::time::Duration;

use entrepot_catalog::{DeviceState, InstancePhase, InstanceReason};
use entrepot_library::InstanceSettings;
use entrepot_testkit::engine::{Dialect, EngineFault, Misbehaviour};

use crate::yard::{Yard, by, target};

#[tokio::test]
async fn a_container_removed_behind_our_back_is_lost_and_its_data_is_not() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run_with_card("a").await;
    yard.engine.remove("entrepot-1");
    yard.look().await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Lost, Some(InstanceReason::ContainerGone)));
    assert_eq!((yard.cards_taken().await, yard.runs(instance.id).await), (0, vec![true]));
    assert_eq!(yard.engine.volumes(), ["entrepot-1-data"]);

    yard.library.start_instance(target(instance.id), true, by()).await.unwrap();
    yard.library.instances_settled().await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Running, None), "made anew, with its data");
    assert_eq!(yard.engine.volumes(), ["entrepot-1-data"]);
}

#[tokio::test]
async fn a_program_that_ends_frees_its_card() {
    for (code, phase) in
        [(0, InstancePhase::Stopped), (1, InstancePhase::Failed), (137, InstancePhase::Failed)]
    {
        let yard = Yard::new(Dialect::Podman5).await;
        let instance = yard.run_with_card("a").await;
        // The first look of a server cannot tell who ended what.
        yard.look().await;
        yard.engine.end("entrepot-1", code);
        yard.look().await;
        assert_eq!(yard.state(instance.id).await, (phase, Some(InstanceReason::Exited)), "{code}");
        assert_eq!(yard.record(instance.id).await.state.exit_code, Some(code));
        assert_eq!((yard.cards_taken().await, yard.runs(instance.id).await), (0, vec![true]));
    }
}

#[tokio::test]
async fn too_much_memory_is_told() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run("a").await;
    yard.engine.end_by_memory("entrepot-1");
    yard.look().await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Failed, Some(InstanceReason::OutOfMemory)));
}

#[tokio::test]
async fn an_engine_that_does_not_answer_changes_nothing() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run_with_card("a").await;
    yard.engine.stop().await;
    yard.look().await;
    assert_eq!(
        yard.state(instance.id).await,
        (InstancePhase::Running, Some(InstanceReason::NodeUnreachable))
    );
    assert_eq!((yard.cards_taken().await, yard.runs(instance.id).await), (1, vec![false]));
    yard.engine.restart();
    yard.look().await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Running, None));
    assert_eq!(yard.runs(instance.id).await, [false], "it ran all the time");
}

#[tokio::test]
async fn what_went_down_with_its_machine_comes_back_once() {
    for code in [0, 143, 255] {
        let yard = Yard::new(Dialect::Docker28).await;
        let instance = yard.run_with_card("a").await;
        yard.look().await;
        yard.engine.stop().await;
        yard.look().await;
        yard.engine.end("entrepot-1", code);
        yard.engine.restart();
        yard.look().await;
        assert_eq!(yard.state(instance.id).await, (InstancePhase::Running, None), "{code}");
        assert_eq!(yard.engine.containers(), [("entrepot-1".to_owned(), "running")]);
        assert_eq!(yard.runs(instance.id).await, [true, false], "the time between is not charged");
        assert_eq!(yard.record(instance.id).await.state.restarts, 1);
        yard.look().await;
        assert_eq!(yard.engine.calls_of("POST", "containers/*/start").len(), 2);
    }
}

#[tokio::test]
async fn a_driver_that_comes_late_is_waited_for() {
    let yard = Yard::new(Dialect::Docker28).await;
    let no_driver = Misbehaviour::Status(500, "could not select device driver".to_owned());
    yard.engine.fault(EngineFault::on("POST", "containers/*/start", no_driver));
    let instance = yard.run_with_card("a").await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Starting, Some(InstanceReason::StartFailed)));
    assert_eq!(yard.cards_taken().await, 1);
    yard.look().await;
    assert_eq!(yard.engine.calls_of("POST", "containers/*/start").len(), 1, "not at once");
}

#[tokio::test]
async fn what_cannot_be_stopped_keeps_its_card_from_others() {
    let settings = InstanceSettings { stop_grace: Duration::ZERO, ..InstanceSettings::default() };
    let yard = Yard::with(Dialect::Docker28, settings).await;
    let instance = yard.run_with_card("a").await;
    let refused =
        Misbehaviour::Status(500, "tried to kill container, but did not receive an exit event".to_owned());
    for verb in ["containers/*/stop", "containers/*/kill"] {
        yard.engine.fault(EngineFault::on("POST", verb, refused.clone()).always());
    }
    yard.library.stop_instance(target(instance.id), by()).await.unwrap();
    yard.library.instances_settled().await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Failed, Some(InstanceReason::Stuck)));
    let devices = yard.catalog.devices_of(&[1].into()).await.unwrap();
    assert_eq!(devices[0].found.state, DeviceState::Quarantined);
    assert!(yard.record(instance.id).await.state.holds);
}

#[tokio::test]
async fn somebody_elses_containers_are_left_alone() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run("a").await;
    yard.catalog.remove_instance(instance.id).await.unwrap();
    yard.look().await;
    assert_eq!(yard.engine.containers().len(), 1, "not known, so not ours to remove");
}
