//! The life of containers, and what the engine made of what was asked for.

use std::time::Duration;

use entrepot_engine::{
    ContainerAction, ContainerPurpose, ContainerStatus, Devices, Difference, Error, Installation, Owner,
    OwnerFilter, SplitLibrary, Started, StopOutcome, Volume, VolumeMount, compare,
};
use entrepot_testkit::until_answer;

use crate::setting::{Real, installation, set};

const FOREVER: &str = "trap 'exit 7' TERM; while :; do sleep 0.1; done";

#[tokio::test]
async fn a_container_lives_and_dies() {
    let Some(real) = Real::find().await else { return };
    let engine = &real.engine;
    let request = real.request("life", FOREVER);
    let id = real.made(&request).await;
    let again = engine.create(&request).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    let made = engine.inspect(&id).await.unwrap();
    assert_eq!((made.state.status, made.state.started_ms), (ContainerStatus::Created, None));
    assert_eq!(engine.start(&id).await.unwrap(), Started::Now);
    assert_eq!(engine.start(&id).await.unwrap(), Started::Already);
    let running = engine.inspect(&id).await.unwrap();
    assert_eq!((running.state.status, running.state.exit_code), (ContainerStatus::Running, None));
    assert!(running.state.started_ms > made.created_ms);
    let name = "entrepot-life-2".parse().unwrap();
    engine.rename(&id, &name).await.unwrap();
    assert_eq!(engine.inspect_named(&name).await.unwrap().id, id);
    let listed = engine.containers(OwnerFilter::Of(&installation())).await.unwrap();
    let one = listed.iter().find(|one| one.id == id).unwrap();
    assert_eq!(
        (one.name.as_str(), one.status, one.owner.as_ref()),
        ("entrepot-life-2", ContainerStatus::Running, Some(&request.owner))
    );
    assert_eq!(engine.stop(&id, Duration::from_secs(20)).await.unwrap(), StopOutcome::Now);
    assert_eq!(engine.stop(&id, Duration::from_secs(20)).await.unwrap(), StopOutcome::Already);
    let ended = engine.inspect(&id).await.unwrap();
    assert_eq!((ended.state.status, ended.state.exit_code), (ContainerStatus::Exited, Some(7)), "{ended:?}");
    assert!(ended.state.finished_ms >= ended.state.started_ms);
    let killed = engine.kill(&id).await;
    assert!(matches!(killed, Err(Error::Conflict(_))), "{killed:?}");
    assert_eq!(engine.start(&id).await.unwrap(), Started::Now);
    engine.kill(&id).await.unwrap();
    let ended = until_answer("the end", async || {
        let state = engine.inspect(&id).await.unwrap().state;
        (state.status == ContainerStatus::Exited).then_some(state)
    });
    assert_eq!(ended.await.exit_code, Some(137));
    engine.remove(&id).await.unwrap();
    assert!(matches!(engine.inspect(&id).await, Err(Error::NotFound(_))));
    assert!(matches!(engine.start(&id).await, Err(Error::NotFound(_))));
    assert!(matches!(engine.remove(&id).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn what_is_made_is_what_was_asked_for() {
    let Some(real) = Real::find().await else { return };
    let engine = &real.engine;
    let mut request = real.request("asked", "sleep 1000");
    real.gone(&request).await;
    let owner = Owner { installation: installation(), purpose: ContainerPurpose::Instance(7) };
    let volume = Volume { name: "entrepot-asked".parse().unwrap(), owner };
    engine.create_volume(&volume).await.unwrap();
    request.mounts.volumes =
        vec![VolumeMount { volume: volume.name.clone(), target: "/data".parse().unwrap() }];
    request.mounts.split = set("ENTREPOT_TEST_DIRECTORY").map(|directory| SplitLibrary {
        directory: directory.parse().unwrap(),
        preload: None,
        lock: "entrepot-lock".parse().unwrap(),
    });
    let id = real.made(&request).await;
    let made = engine.inspect(&id).await.unwrap();
    assert_eq!(compare(&request, &made), [], "after create: {made:?}");
    engine.start(&id).await.unwrap();
    let made = engine.inspect(&id).await.unwrap();
    assert_eq!(compare(&request, &made), [], "after start: {made:?}");
    let elsewhere: Installation = "elsewhere".parse().unwrap();
    assert_eq!(engine.volumes(&elsewhere).await.unwrap(), []);
    assert!(engine.volumes(&installation()).await.unwrap().contains(&volume));
    let refused = engine.remove_volume(&volume.name).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    engine.remove(&id).await.unwrap();
    engine.remove_volume(&volume.name).await.unwrap();
    assert!(matches!(engine.remove_volume(&volume.name).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn what_is_missing_is_not_made() {
    let Some(real) = Real::find().await else { return };
    let Some(directory) = set("ENTREPOT_TEST_DIRECTORY") else { return };
    let mut request = real.request("missing", "true");
    request.mounts.split = Some(SplitLibrary {
        directory: format!("{directory}/nowhere").parse().unwrap(),
        preload: None,
        lock: "entrepot-lock".parse().unwrap(),
    });
    real.gone(&request).await;
    let refused = real.engine.create(&request).await;
    let named =
        matches!(&refused, Err(Error::Refused { message, .. }) if message.as_str().contains("nowhere"));
    assert!(named, "{refused:?}");
    assert!(!std::path::Path::new(&directory).join("nowhere").exists());
    assert!(matches!(real.engine.inspect_named(&request.name).await, Err(Error::NotFound(_))));
    request.mounts.split = None;
    request.image = format!("{}/lab/never:1", real.image.host()).parse().unwrap();
    let refused = real.engine.create(&request).await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
}

#[tokio::test]
async fn cards_are_given_by_name_or_not_at_all() {
    let Some(real) = Real::find().await else { return };
    if set("ENTREPOT_TEST_CDI").is_none() {
        return;
    }
    let engine = &real.engine;
    let mut request = real.request("cards", "ls /dev; sleep 1000");
    request.devices = Devices::Cdi(["nvidia.com/gpu=GPU-2".parse().unwrap()].into());
    let id = real.made(&request).await;
    assert_eq!(compare(&request, &engine.inspect(&id).await.unwrap()), [], "after create");
    engine.start(&id).await.unwrap();
    let container = engine.inspect(&id).await.unwrap();
    assert_eq!(compare(&request, &container), [], "after start: {container:?}");
    let all = crate::output::log_with(engine, &container, "nvidia").await;
    assert!(all.contains("nvidia1") && !all.contains("nvidia0"), "{all}");
    real.gone(&request).await;
    // What is not there is an error, at the latest when it starts.
    request.devices = Devices::Cdi(["nvidia.com/gpu=GPU-9".parse().unwrap()].into());
    let refused = match engine.create(&request).await {
        Ok(created) => engine.start(&created.id).await.map(drop),
        Err(error) => Err(error),
    };
    println!("{refused:?}");
    assert!(matches!(&refused, Err(error) if error.to_string().contains("GPU-9")), "{refused:?}");
    real.gone(&request).await;
}

#[tokio::test]
async fn cards_of_nvidia_reach_the_driver_by_name() {
    let Some(real) = Real::find().await else { return };
    let Some(written) = set("ENTREPOT_TEST_HOOK") else { return };
    let mut request = real.request("driver", "sleep 1000");
    request.devices = Devices::Nvidia(["GPU-2".parse().unwrap()].into());
    let container = real.started(&request).await;
    assert_eq!(compare(&request, &container), [], "{container:?}");
    let reached = std::fs::read_to_string(written).unwrap();
    println!("{reached}");
    assert!(
        reached.lines().all(|line| line == "NVIDIA_VISIBLE_DEVICES=GPU-2") && !reached.is_empty(),
        "{reached}"
    );
    real.gone(&request).await;
}

#[tokio::test]
async fn a_container_without_cards_is_told_so() {
    let Some(real) = Real::find().await else { return };
    let request = real.request("void", "env; ls /dev; sleep 1000");
    let container = real.started(&request).await;
    let text = crate::output::log_with(&real.engine, &container, "urandom").await;
    assert!(text.contains("NVIDIA_VISIBLE_DEVICES=void") && text.contains("PATH=/bin"), "{text}");
    assert!(text.contains("ASKED=a=b c"), "{text}");
    let mut wanted = request.clone();
    wanted.devices = Devices::Cdi(["nvidia.com/gpu=GPU-1".parse().unwrap()].into());
    let found = compare(&wanted, &container);
    assert!(found.contains(&Difference::DeviceMissing("nvidia.com/gpu=GPU-1".to_owned())), "{found:?}");
    real.gone(&request).await;
}

#[tokio::test]
async fn events_are_hints() {
    let Some(real) = Real::find().await else { return };
    let mut request = real.request("events", "true");
    request.owner.installation = "real-events".parse().unwrap();
    let mut listening = tokio::spawn({
        let engine = real.engine.clone();
        let owner = request.owner.clone();
        async move {
            let mut events = engine.events(&owner.installation).await.unwrap();
            let mut told = Vec::new();
            loop {
                let event = events.next().await.unwrap().unwrap();
                assert_eq!(event.owner, owner);
                told.push(event.action);
                if event.action == ContainerAction::Removed && told.contains(&ContainerAction::Started) {
                    return told;
                }
            }
        }
    });
    // An engine does not say when it has begun to tell: things happen until it has told them.
    let told = loop {
        let id = real.started(&request).await.id;
        until_answer("the end", async || {
            (real.engine.inspect(&id).await.unwrap().state.status == ContainerStatus::Exited).then_some(())
        })
        .await;
        real.engine.remove(&id).await.unwrap();
        if let Ok(told) = tokio::time::timeout(Duration::from_secs(2), &mut listening).await {
            break told.unwrap();
        }
    };
    assert!(told.contains(&ContainerAction::Ended), "{told:?}");
}
