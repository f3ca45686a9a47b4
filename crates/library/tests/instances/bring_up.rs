//! How instances come up, and what is left where they do not.

use entrepot_catalog::{InstancePhase, InstanceReason};
use entrepot_library::{CreatedInstance, Error, InstanceFault, RunRequest};
use entrepot_testkit::engine::{Dialect, EngineFault, Misbehaviour, PullableImage, Refusal};

use crate::yard::{IMAGE, Yard, gate};

#[tokio::test]
async fn an_instance_runs_on_each_engine() {
    for dialect in Dialect::ALL {
        let yard = Yard::new(dialect).await;
        let instance = yard.run("a").await;
        assert_eq!(
            yard.state(instance.id).await,
            (InstancePhase::Running, None),
            "{dialect:?}: {instance:?}"
        );
        assert_eq!(yard.engine.containers(), [("entrepot-1".to_owned(), "running")]);
        assert_eq!(yard.engine.volumes(), ["entrepot-1-data"]);
        assert!(instance.state.started.is_some() && instance.state.container_id.is_some());
        assert_eq!(yard.runs(instance.id).await, [false]);
    }
}

#[tokio::test]
async fn a_card_is_given_by_its_name() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run_with_card("a").await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Running, None), "{:?}", instance.state.detail);
    let create = yard.engine.calls_of("POST", "containers/create").remove(0);
    let body = create.body.to_string();
    assert!(body.contains(r#""nvidia.com/gpu=GPU-0""#) && !body.contains("Count"), "{body}");
    assert_eq!(yard.cards_taken().await, 1);
}

#[tokio::test]
async fn the_same_request_makes_one_instance() {
    let yard = Yard::new(Dialect::Docker28).await;
    let request = || RunRequest { request_key: Some("k".to_owned()), ..yard.request("a") };
    let CreatedInstance::New(first) = yard.ask(request()).await.unwrap() else { panic!() };
    let CreatedInstance::Known(second) = yard.ask(request()).await.unwrap() else { panic!() };
    assert_eq!(first.id, second.id);
    yard.library.instances_settled().await;
    assert_eq!(yard.engine.containers().len(), 1);
}

#[tokio::test]
async fn a_pull_that_fails_leaves_nothing() {
    for refusal in Refusal::ALL {
        let yard = Yard::new(Dialect::Docker28).await;
        yard.engine.refuse(IMAGE, refusal);
        let instance = yard.run_with_card("a").await;
        assert_eq!(
            yard.state(instance.id).await,
            (InstancePhase::Failed, Some(InstanceReason::PullFailed)),
            "{refusal:?}"
        );
        assert!(instance.state.detail.is_some());
        assert!(yard.engine.containers().is_empty() && yard.engine.volumes().is_empty());
        assert_eq!(yard.cards_taken().await, 0);
        yard.look().await;
        assert_eq!(yard.state(instance.id).await.0, InstancePhase::Failed, "it is not tried again by itself");
    }
}

#[tokio::test]
async fn a_container_that_the_engine_refuses_leaves_nothing() {
    let yard = Yard::new(Dialect::Docker20).await;
    let refused = Misbehaviour::Status(400, "invalid mount".to_owned());
    yard.engine.fault(EngineFault::on("POST", "containers/create", refused));
    let instance = yard.run_with_card("a").await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Failed, Some(InstanceReason::CreateFailed)));
    assert!(instance.state.detail.unwrap().contains("invalid mount"));
    assert!(yard.engine.containers().is_empty());
    assert_eq!(yard.cards_taken().await, 0);
}

#[tokio::test]
async fn a_container_without_its_card_is_not_kept() {
    let yard = Yard::new(Dialect::Podman5).await;
    yard.engine.drop_devices();
    let instance = yard.run_with_card("a").await;
    assert_eq!(
        yard.state(instance.id).await,
        (InstancePhase::Failed, Some(InstanceReason::CreatedOtherwise))
    );
    assert!(instance.state.detail.unwrap().contains("GPU-0"));
    assert!(yard.engine.containers().iter().all(|(_, state)| *state != "running"));
    assert_eq!(yard.cards_taken().await, 0);
    assert_eq!(yard.runs(instance.id).await.into_iter().filter(|ended| !ended).count(), 0);
}

#[tokio::test]
async fn limits_that_the_engine_drops_are_told() {
    let yard = Yard::new(Dialect::Podman4).await;
    yard.engine.drop_limits();
    let instance = yard.run("a").await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Running, None));
    assert!(instance.state.warnings.contains("is not kept"), "{}", instance.state.warnings);
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_container() {
    for dialect in [Dialect::Docker28, Dialect::Podman5] {
        let yard = Yard::new(dialect).await;
        let path = if dialect.is_podman() { "libpod/containers/create" } else { "containers/create" };
        yard.engine.fault(EngineFault::on("POST", path, Misbehaviour::LoseAnswer));
        let instance = yard.run("a").await;
        assert_eq!(yard.state(instance.id).await.1, Some(InstanceReason::NodeUnreachable));
        yard.look().await;
        assert_eq!(yard.state(instance.id).await, (InstancePhase::Running, None));
        assert_eq!(yard.engine.containers().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_ends_in_between_makes_no_second_container() {
    for path in ["images/create", "volumes/create", "containers/create", "containers/*/start"] {
        let mut yard = Yard::new(Dialect::Docker28).await;
        let gate = gate();
        yard.engine.fault(EngineFault::on("POST", path, Misbehaviour::HoldAnswer(gate.clone())));
        let CreatedInstance::New(made) = yard.ask(yard.request("a")).await.unwrap() else { panic!() };
        yard.engine.asked("POST", path, 1).await;
        // The one that ended is not heard of any more; this one begins with what is in the database.
        yard.restart().await;
        yard.look().await;
        yard.reaches(made.id, InstancePhase::Running).await;
        gate.open();
        yard.look().await;
        assert_eq!(yard.engine.containers(), [("entrepot-1".to_owned(), "running")], "{path}");
        assert_eq!(yard.state(made.id).await, (InstancePhase::Running, None), "{path}");
    }
}

#[tokio::test]
async fn a_name_that_somebody_else_has_is_left_to_them() {
    let yard = Yard::new(Dialect::Docker28).await;
    let taken = Misbehaviour::Status(409, "Conflict. The container name is already in use".to_owned());
    yard.engine.fault(EngineFault::on("POST", "containers/create", taken));
    let instance = yard.run("a").await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Running, None), "{:?}", instance.state.detail);
    assert_eq!(yard.engine.containers().len(), 1);
}

#[tokio::test]
async fn a_port_that_somebody_else_has_is_changed_once() {
    let yard = Yard::new(Dialect::Docker28).await;
    let taken =
        Misbehaviour::Status(500, "Bind for 0.0.0.0:30000 failed: port is already allocated".to_owned());
    yard.engine.fault(EngineFault::on("POST", "containers/*/start", taken.clone()));
    let mut request = yard.request("a");
    request.settings.ports = vec![8888];
    let instance = yard.up(request.clone()).await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Running, None), "{:?}", instance.state.detail);
    assert_eq!(yard.catalog.instance_ports(instance.id).await.unwrap()[0].host, 30_001);
    assert_eq!(yard.engine.containers().len(), 1);

    let yard = Yard::new(Dialect::Docker28).await;
    yard.engine.fault(EngineFault::on("POST", "containers/*/start", taken).always());
    let instance = yard.up(request).await;
    assert_eq!(yard.state(instance.id).await.1, Some(InstanceReason::StartFailed));
    assert_eq!(yard.engine.calls_of("POST", "containers/*/start").len(), 2);
}

#[tokio::test]
async fn a_program_that_ends_at_once_is_told() {
    let yard = Yard::new(Dialect::Docker28).await;
    let gate = gate();
    yard.engine.fault(EngineFault::on("POST", "containers/*/start", Misbehaviour::HoldAnswer(gate.clone())));
    let CreatedInstance::New(made) = yard.ask(yard.request("a")).await.unwrap() else { panic!() };
    yard.engine.asked("POST", "containers/*/start", 1).await;
    while yard.engine.containers()[0].1 != "running" {
        tokio::task::yield_now().await;
    }
    yard.engine.end("entrepot-1", 3);
    gate.open();
    yard.library.instances_settled().await;
    assert_eq!(yard.state(made.id).await, (InstancePhase::Failed, Some(InstanceReason::Exited)));
    let state = yard.record(made.id).await.state;
    assert_eq!((state.exit_code, state.holds), (Some(3), false));
    assert_eq!(yard.runs(made.id).await, [true]);
}

#[tokio::test]
async fn an_image_that_reaches_for_the_node_is_not_run() {
    let yard = Yard::new(Dialect::Docker28).await;
    yard.engine.offer(IMAGE, PullableImage::of_layers(&[10]).with_variable("LD_PRELOAD", "./x.so"));
    let instance = yard.run_with_card("a").await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Failed, Some(InstanceReason::CreateFailed)));
    assert!(yard.engine.containers().is_empty());
}

#[tokio::test]
async fn a_refused_request_makes_nothing() {
    let yard = Yard::new(Dialect::Docker28).await;
    let mut wrong = yard.request("a b");
    wrong.settings.environment = vec![("LD_PRELOAD".to_owned(), "x".to_owned())];
    let Err(Error::Instance(InstanceFault::Request(faults))) = yard.ask(wrong).await else { panic!() };
    assert_eq!(faults.len(), 2);
    let unknown = RunRequest { entry: 9.try_into().unwrap(), ..yard.request("a") };
    assert!(matches!(yard.ask(unknown).await, Err(Error::Unknown { kind: "entry", .. })));
    yard.run("a").await;
    let again = yard.ask(yard.request("a")).await;
    assert!(matches!(again, Err(Error::Instance(InstanceFault::NameTaken(_)))));
    for name in ["b", "c"] {
        yard.run_with_card(name).await;
    }
    let full = RunRequest { spec: 2.try_into().unwrap(), ..yard.request("d") };
    assert!(matches!(yard.ask(full).await, Err(Error::Instance(InstanceFault::NoPlace(_)))));
    assert_eq!(yard.all().await.len(), 3);
}
