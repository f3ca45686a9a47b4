//! The life of a container.

use std::time::Duration;

use entrepot_engine::{ContainerStatus, Error, OwnerFilter, Started, StopOutcome};
use entrepot_testkit::engine::Dialect;

use crate::common::{installation, plain, started};

const GRACE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_container_lives_and_dies_on_every_engine() {
    for dialect in Dialect::ALL {
        let (fake, engine) = started(dialect).await;
        let id = engine.create(&plain("train-1")).await.unwrap().id;
        let made = engine.inspect(&id).await.unwrap();
        assert_eq!(
            (made.state.status, made.state.started_ms, made.state.exit_code),
            (ContainerStatus::Created, None, None)
        );
        assert_eq!(made.name, "train-1");
        assert_eq!(engine.start(&id).await.unwrap(), Started::Now);
        assert_eq!(engine.start(&id).await.unwrap(), Started::Already);
        let running = engine.inspect_named(&"train-1".parse().unwrap()).await.unwrap();
        assert_eq!((running.id.clone(), running.state.status), (id.clone(), ContainerStatus::Running));
        assert!(running.state.started_ms.is_some() && running.state.finished_ms.is_none());
        assert_eq!(running.state.exit_code, None);
        engine.rename(&id, &"train-2".parse().unwrap()).await.unwrap();
        assert_eq!(engine.stop(&id, GRACE).await.unwrap(), StopOutcome::Now);
        assert_eq!(engine.stop(&id, GRACE).await.unwrap(), StopOutcome::Already);
        // The time is always sent: absent, it meant none to Podman.
        assert!(fake.calls_of("POST", "containers/*/stop").iter().all(|call| call.value("t") == "20"));
        let ended = engine.inspect(&id).await.unwrap();
        assert_eq!((ended.state.status, ended.state.exit_code), (ContainerStatus::Exited, Some(143)));
        assert!(ended.state.finished_ms >= ended.state.started_ms);
        assert!(matches!(engine.kill(&id).await, Err(Error::Conflict(_))));
        engine.remove(&id).await.unwrap();
        assert!(matches!(engine.inspect(&id).await, Err(Error::NotFound(_))));
        assert!(matches!(engine.remove(&id).await, Err(Error::NotFound(_))));
        assert!(matches!(engine.start(&id).await, Err(Error::NotFound(_))));
    }
}

#[tokio::test]
async fn lists_say_what_is_ours() {
    for dialect in Dialect::ALL {
        let (fake, engine) = started(dialect).await;
        let id = engine.create(&plain("train-1")).await.unwrap().id;
        let mut other = plain("other-1");
        other.owner.installation = "other".parse().unwrap();
        engine.create(&other).await.unwrap();
        let ours = engine.containers(OwnerFilter::Of(&installation())).await.unwrap();
        assert_eq!((ours.len(), &ours[0].id, ours[0].name.as_str()), (1, &id, "train-1"));
        assert_eq!(
            (ours[0].status, ours[0].owner.clone()),
            (ContainerStatus::Created, Some(plain("train-1").owner))
        );
        assert_eq!(engine.containers(OwnerFilter::Everybody).await.unwrap().len(), 2);
        fake.remove("train-1");
        assert!(engine.containers(OwnerFilter::Of(&installation())).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_happened_without_us_is_seen() {
    let (fake, engine) = started(Dialect::Podman5).await;
    let id = engine.create(&plain("train-1")).await.unwrap().id;
    engine.start(&id).await.unwrap();
    fake.end_by_memory("train-1");
    let ended = engine.inspect(&id).await.unwrap().state;
    assert_eq!((ended.status, ended.exit_code, ended.oom_killed), (ContainerStatus::Exited, Some(137), true));
}

// Row 34: the name is in use, by ourselves before a crash or by somebody else.
#[tokio::test]
async fn a_name_in_use_is_a_conflict_on_every_engine() {
    for dialect in Dialect::ALL {
        let (_fake, engine) = started(dialect).await;
        engine.create(&plain("train-1")).await.unwrap();
        let again = engine.create(&plain("train-1")).await;
        assert!(matches!(again, Err(Error::Conflict(_))), "{dialect:?}: {again:?}");
    }
}

// Somebody else removed it, and made another of the same name.
#[tokio::test]
async fn a_container_is_known_by_its_id_and_not_by_its_name() {
    let (fake, engine) = started(Dialect::Docker28).await;
    let id = engine.create(&plain("train-1")).await.unwrap().id;
    fake.change_id("train-1");
    assert!(matches!(engine.inspect(&id).await, Err(Error::NotFound(_))));
    assert!(matches!(engine.stop(&id, GRACE).await, Err(Error::NotFound(_))));
    let named = engine.inspect_named(&"train-1".parse().unwrap()).await.unwrap();
    assert_ne!(named.id, id);
    let listed = engine.containers(OwnerFilter::Of(&installation())).await.unwrap();
    assert_eq!(listed[0].id, named.id);
}

// The machine was started anew: nothing runs, and it says so.
#[tokio::test]
async fn after_a_reboot_nothing_runs() {
    let (fake, engine) = started(Dialect::Docker20).await;
    let id = engine.create(&plain("train-1")).await.unwrap().id;
    engine.start(&id).await.unwrap();
    fake.reboot();
    let state = engine.inspect(&id).await.unwrap().state;
    assert_eq!((state.status, state.exit_code), (ContainerStatus::Exited, Some(255)));
}
