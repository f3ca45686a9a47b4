//! Pulls, commits and pushes.

use std::collections::BTreeMap;

use entrepot_engine::{
    CommitRequest, ContainerStatus, Error, LayerStep, PullAuth, PullError, PullEvent, PullStop, PushEvent,
};
use entrepot_oci::ImageRef;

use crate::setting::{Real, pull};

fn sibling(image: &ImageRef, repository: &str, tag: &str) -> ImageRef {
    format!("{}/{repository}:{tag}", image.host()).parse().unwrap()
}

#[tokio::test]
async fn a_pull_is_told() {
    let Some(real) = Real::find().await else { return };
    // Others run containers of the first image meanwhile.
    let image = sibling(&real.image, "lab/large", "v1");
    drop(real.engine.remove_image(&image).await);
    let events = pull(&real.engine, &image).await.unwrap();
    for event in &events {
        println!("{event:?}");
    }
    let is_there = |event: &PullEvent| {
        let there =
            |step: &LayerStep| matches!(step, LayerStep::Downloaded | LayerStep::Existed | LayerStep::Done);
        matches!(event, PullEvent::Layer { step, .. } if there(step))
    };
    assert!(events.iter().any(is_there), "{events:?}");
    let held = real.engine.image(&image).await.unwrap();
    assert_eq!((held.platform.os.as_str(), held.platform.architecture.as_str()), ("linux", "amd64"));
    assert_eq!(held.config.environment.get("PATH").map(String::as_str), Some("/bin"));
    // By its digest too, which is what runs.
    let digest = held.digests.iter().find_map(|digest| digest.split_once('@')).unwrap().1;
    let pinned: ImageRef = format!("{}/lab/large@{digest}", image.host()).parse().unwrap();
    pull(&real.engine, &pinned).await.unwrap();
    assert_eq!(real.engine.image(&pinned).await.unwrap().id, held.id);
}

#[tokio::test]
async fn pulls_fail_for_reasons() {
    let Some(real) = Real::find().await else { return };
    let closed: ImageRef = "127.0.0.1:1/lab/busybox:1".parse().unwrap();
    let mut cases = vec![
        (sibling(&real.image, "lab/busybox", "nope"), PullError::NotFound),
        (sibling(&real.image, "lab/nope", "1"), PullError::NotFound),
        (closed, PullError::Network),
    ];
    for (port, error) in
        [("DENIED", PullError::Denied), ("FAILING", PullError::Registry), ("PLATFORM", PullError::Platform)]
    {
        let host = crate::setting::set(&format!("ENTREPOT_TEST_{port}"));
        cases.extend(host.map(|host| (format!("{host}/lab/busybox:1").parse().unwrap(), error)));
    }
    for (image, error) in cases {
        let stop = pull(&real.engine, &image).await.unwrap_err();
        println!("{image}: {stop}");
        let PullStop::Failed(failure) = stop else { panic!("{image}: {stop:?}") };
        assert_eq!(failure.error, error, "{image}: {failure}");
    }
}

#[tokio::test]
async fn a_container_is_saved_sent_and_comes_back() {
    let Some(real) = Real::find().await else { return };
    let request = real.request("saved", "echo mine > /mine; sleep 1000");
    let container = real.started(&request).await;
    let image = sibling(&real.image, "lab/saved", "1");
    let environment = BTreeMap::from([("ASKED".to_owned(), "$HOME \"x\"".to_owned())]);
    // The script may not have written yet.
    let commit = CommitRequest { image: image.clone(), environment };
    let id = real.engine.commit(&container.id, &commit).await.unwrap();
    let auth =
        PullAuth { host: image.host().clone(), username: "a".to_owned(), password: "b".to_owned().into() };
    let mut push = real.engine.push(&image, &auth).await.unwrap();
    let mut pushed = None;
    while let Some(event) = push.next().await.unwrap() {
        println!("{event:?}");
        if let PushEvent::Pushed(digest) = event {
            pushed = Some(digest);
        }
    }
    assert!(pushed.is_some());
    let saved = real.engine.image(&image).await.unwrap();
    assert_eq!(saved.id, id);
    assert_eq!(saved.config.environment.get("ASKED").map(String::as_str), Some("$HOME \"x\""));
    real.gone(&request).await;
    real.engine.remove_image(&image).await.unwrap();
    assert!(matches!(real.engine.image(&image).await, Err(Error::NotFound(_))));
    pull(&real.engine, &image).await.unwrap();
    // What is made of it is not ours, unless we make it.
    let again = entrepot_engine::CreateRequest { image: image.clone(), ..real.request("saved", "cat /mine") };
    let container = real.started(&again).await;
    assert!(matches!(container.state.status, ContainerStatus::Running | ContainerStatus::Exited));
    real.gone(&again).await;
    real.engine.remove_image(&image).await.unwrap();
}
