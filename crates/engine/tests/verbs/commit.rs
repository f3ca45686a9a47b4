//! Containers as images.

use std::collections::BTreeMap;

use entrepot_engine::{CommitRequest, Engine, Error, PullAuth, PullError, PullStop, Push, PushEvent};
use entrepot_oci::ImageRef;
use entrepot_testkit::engine::{Dialect, Refusal};

use crate::common::{plain, started};

const SAVED: &str = "mirror.example/saved/train:1";

fn saved() -> ImageRef {
    SAVED.parse().unwrap()
}

fn auth() -> PullAuth {
    let password = "x>y?".to_owned().into();
    PullAuth { host: "mirror.example".parse().unwrap(), username: "token".to_owned(), password }
}

async fn commit(engine: &Engine) -> Result<(), Error> {
    let id = engine.create(&plain("train-1")).await.unwrap().id;
    let environment = BTreeMap::from([("LD_PRELOAD".to_owned(), String::new())]);
    engine.commit(&id, &CommitRequest { image: saved(), environment }).await.map(drop)
}

async fn events(mut push: Push) -> Result<Vec<PushEvent>, PullStop> {
    let mut events = Vec::new();
    while let Some(event) = push.next().await? {
        events.push(event);
    }
    assert_eq!(push.next().await, Ok(None));
    Ok(events)
}

#[tokio::test]
async fn a_container_is_saved_and_sent() {
    for dialect in Dialect::ALL {
        let (fake, engine) = started(dialect).await;
        commit(&engine).await.unwrap();
        assert!(fake.has_image(SAVED));
        let events = events(engine.push(&saved(), &auth()).await.unwrap()).await.unwrap();
        let layer = |current| PushEvent::Layer { id: "aa11".to_owned(), current, total: Some(5000) };
        assert_eq!(events[..2], [layer(2500), layer(5000)]);
        assert!(matches!(events[2..], [PushEvent::Pushed(_)]));
        let call = fake.calls().pop().unwrap();
        assert_eq!((call.path.as_str(), call.value("tag")), ("images/mirror.example/saved/train/push", "1"));
        assert!(call.headers.contains_key("x-registry-auth"));
        engine.remove_image(&saved()).await.unwrap();
        assert!(!fake.has_image(SAVED));
        assert!(matches!(engine.remove_image(&saved()).await, Err(Error::NotFound(_))));
    }
}

// An image that said whose its container was would make others' containers ours.
#[tokio::test]
async fn an_image_says_nothing_about_us() {
    let (fake, engine) = started(Dialect::Docker28).await;
    commit(&engine).await.unwrap();
    let parts = fake.calls_of("POST", "commit").pop().unwrap();
    assert_eq!((parts.value("repo"), parts.value("tag")), ("mirror.example/saved/train", "1"));
    let changes = parts.values("changes");
    let expected = [
        "LABEL io.entrepot.installation=\"\"",
        "LABEL io.entrepot.instance=\"\"",
        "LABEL io.entrepot.purpose=\"\"",
        "ENV LD_PRELOAD=\"\"",
    ];
    assert_eq!(changes, expected);
}

#[tokio::test]
async fn a_push_that_is_refused_is_classed() {
    for dialect in Dialect::ALL {
        let (fake, engine) = started(dialect).await;
        commit(&engine).await.unwrap();
        fake.refuse(SAVED, Refusal::Denied);
        let stop = match engine.push(&saved(), &auth()).await {
            Ok(push) => events(push).await.unwrap_err(),
            Err(stop) => stop,
        };
        let PullStop::Failed(failure) = stop else { panic!("{stop:?}") };
        assert_eq!(failure.error, PullError::Denied, "{dialect:?}");
    }
}

#[tokio::test]
async fn an_image_is_saved_under_a_tag() {
    let (_fake, engine) = started(Dialect::Docker28).await;
    let digest = format!("mirror.example/saved/train@sha256:{}", "ab".repeat(32)).parse().unwrap();
    assert!(engine.push(&digest, &auth()).await.is_err());
}

// Podman 4 reads what is in quotes as it is, newer ones as Dockerfiles have it.
#[tokio::test]
async fn a_value_is_saved_as_it_is_on_every_engine() {
    for dialect in Dialect::ALL {
        let (fake, engine) = started(dialect).await;
        let id = engine.create(&plain("train-1")).await.unwrap().id;
        for value in ["", "a b", r#"$HOME "x" \"#] {
            let environment = BTreeMap::from([("ASKED".to_owned(), value.to_owned())]);
            engine.commit(&id, &CommitRequest { image: saved(), environment }).await.unwrap();
            let image = engine.image(&saved()).await.unwrap();
            assert_eq!(image.config.environment["ASKED"], value, "{dialect:?}");
        }
        let commits = fake.calls_of("POST", "commit").len();
        assert_eq!(commits, if dialect == Dialect::Podman4 { 4 } else { 3 }, "{dialect:?}");
    }
}
