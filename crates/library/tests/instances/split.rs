//! Whether the limit on a part of a card holds, as programs in the container show it. No card shows anything here: what
//! `nvidia-smi` says is the engine's script.

use std::time::SystemTime;

use entrepot_catalog::{InstancePhase, InstanceReason, InstanceRecord, InstanceSplit, SecretChange};
use entrepot_library::RunRequest;
use entrepot_testkit::engine::{Dialect, ExecAnswer};

use crate::yard::{Yard, by, target};

async fn slice(yard: &Yard) -> InstanceRecord {
    yard.up(RunRequest { spec: 3.try_into().unwrap(), ..yard.request("a") }).await
}

fn limited() -> ExecAnswer {
    ExecAnswer::of("GPU-0, 8192\n")
}

fn whole() -> ExecAnswer {
    ExecAnswer::of("GPU-0, 81920\n")
}

async fn make_strict(yard: &Yard) {
    let node = yard.catalog.node(1).await.unwrap().unwrap();
    let settings = entrepot_catalog::NodeSettings { strict_split: true, ..node.settings.clone() };
    assert!(
        yard.catalog.change_node(&node, &settings, &SecretChange::Keep, SystemTime::now()).await.unwrap()
    );
}

#[tokio::test]
async fn a_limit_that_holds_is_verified_on_each_engine() {
    for dialect in Dialect::ALL {
        let yard = Yard::new(dialect).await;
        yard.engine.answer_exec("nvidia-smi", limited());
        let instance = slice(&yard).await;
        assert_eq!(
            yard.state(instance.id).await,
            (InstancePhase::Running, None),
            "{:?}",
            instance.state.detail
        );
        assert_eq!(instance.state.split, InstanceSplit::Verified);
        assert_eq!(instance.state.warnings, "[]");
        let proof = instance.state.split_proof.unwrap();
        assert_eq!(
            proof,
            r#"{"ways":[["exec",{"shown":"limited"}],["login",{"shown":"limited"}],["empty",{"shown":"limited"}]]}"#
        );
    }
}

#[tokio::test]
async fn a_limit_that_does_not_hold_stops_it() {
    for (answer, told) in [
        (whole(), "sees 81920 MiB of the card instead of 8192 MiB"),
        (ExecAnswer::of("GPU-0, 8192\nGPU-1, 8192\n"), "sees other cards: GPU-0, GPU-1"),
        (ExecAnswer { exit_code: 127, ..ExecAnswer::default() }, "`nvidia-smi` does not work"),
        (
            ExecAnswer {
                errors: b"ERROR: ld.so: object cannot be preloaded: ignored.\n".to_vec(),
                ..limited()
            },
            "the library is not loaded",
        ),
    ] {
        let yard = Yard::new(Dialect::Docker28).await;
        yard.engine.answer_exec("nvidia-smi", answer);
        let instance = slice(&yard).await;
        assert_eq!(
            yard.state(instance.id).await,
            (InstancePhase::Failed, Some(InstanceReason::SplitNotEffective))
        );
        assert!(instance.state.detail.as_ref().unwrap().contains(told), "{:?}", instance.state.detail);
        assert_eq!(instance.state.split, InstanceSplit::NotEffective);
        assert!(instance.state.split_proof.is_some());
        assert_eq!(yard.engine.containers(), [("entrepot-1".to_owned(), "exited")]);
        assert_eq!(yard.cards_taken().await, 0);
        yard.look().await;
        assert_eq!(yard.state(instance.id).await.0, InstancePhase::Failed);
    }
}

#[tokio::test]
async fn a_login_that_loses_the_limit_is_told_and_in_strict_mode_stops_it() {
    let yard = Yard::new(Dialect::Docker28).await;
    yard.engine.answer_exec("env -i", whole());
    yard.engine.answer_exec("nvidia-smi", limited());
    let instance = slice(&yard).await;
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Running, None), "{:?}", instance.state.detail);
    assert!(instance.state.warnings.contains("a login by SSH"), "{}", instance.state.warnings);

    let yard = Yard::new(Dialect::Docker28).await;
    make_strict(&yard).await;
    yard.engine.answer_exec("ln -sfn", ExecAnswer::default());
    yard.engine.answer_exec("env -i", whole());
    yard.engine.answer_exec("nvidia-smi", limited());
    let instance = slice(&yard).await;
    assert_eq!(
        yard.state(instance.id).await,
        (InstancePhase::Failed, Some(InstanceReason::SplitNotEffective))
    );
    assert!(instance.state.detail.unwrap().starts_with("a login sees"));
}

#[tokio::test]
async fn whole_cards_are_not_asked() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run_with_card("a").await;
    assert_eq!(instance.state.split, InstanceSplit::None);
    assert!(yard.engine.calls_of("POST", "containers/*/exec").is_empty());
}

#[tokio::test]
async fn a_node_without_the_library_runs_nothing() {
    let yard = Yard::new(Dialect::Docker28).await;
    yard.engine.lose_path("/root/HAMi-core/build");
    yard.engine.answer_exec("nvidia-smi", limited());
    let instance = slice(&yard).await;
    assert_eq!(yard.state(instance.id).await.0, InstancePhase::Failed, "{:?}", instance.state);
    assert!(yard.engine.made_paths().is_empty());
    assert_eq!(yard.cards_taken().await, 0);
}

#[tokio::test]
async fn each_start_is_verified() {
    let yard = Yard::new(Dialect::Docker28).await;
    yard.engine.answer_exec("nvidia-smi", limited());
    let instance = slice(&yard).await;
    let asked = yard.engine.calls_of("POST", "containers/*/exec").len();
    yard.library.restart_instance(target(instance.id), by()).await.unwrap();
    yard.library.instances_settled().await;
    assert_eq!(yard.engine.calls_of("POST", "containers/*/exec").len(), 2 * asked);
}
