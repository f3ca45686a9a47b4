//! Engines that lie, and engines that do not answer.

use entrepot_engine::{Error, OwnerFilter};
use entrepot_testkit::{
    engine::{Dialect, EngineFault, Misbehaviour},
    patiently,
};
use serde_json::json;

use crate::common::{installation, plain, started};

#[tokio::test]
async fn an_answer_without_an_end_is_an_error_and_no_memory() {
    for (path, whole) in [("info", 4 << 20), ("containers/json", 32 << 20), ("containers/*/json", 4 << 20)] {
        let (fake, engine) = started(Dialect::Docker28).await;
        let id = engine.create(&plain("train-1")).await.unwrap().id;
        fake.fault(EngineFault::on("GET", path, Misbehaviour::Endless));
        let error = patiently("an end", async {
            match path {
                "info" => engine.info().await.unwrap_err(),
                "containers/json" => engine.containers(OwnerFilter::Everybody).await.unwrap_err(),
                _ => engine.inspect(&id).await.unwrap_err(),
            }
        });
        assert_eq!(error.await, Error::Answer("it is too long"));
        assert!(fake.sent() < whole + (64 << 20), "{path}: {}", fake.sent());
    }
}

#[tokio::test]
async fn what_an_engine_says_is_short_and_printable() {
    let (fake, engine) = started(Dialect::Docker28).await;
    let id = engine.create(&plain("train-1")).await.unwrap().id;
    let said = format!("\u{1b}]0;title\u{7}{}", "x".repeat(1 << 20));
    fake.fault(EngineFault::on("POST", "containers/*/start", Misbehaviour::Status(500, said)));
    let error = engine.start(&id).await.unwrap_err();
    let text = error.to_string();
    assert!(text.len() < 1200 && !text.contains('\u{1b}'), "{}", text.len());
    assert!(matches!(error, Error::Refused { status: 500, .. }));
}

#[tokio::test]
async fn statuses_are_classes() {
    let (fake, engine) = started(Dialect::Docker28).await;
    let id = engine.create(&plain("train-1")).await.unwrap().id;
    for (status, is_class) in [
        (404, (|error| matches!(error, Error::NotFound(_))) as fn(&Error) -> bool),
        (409, |error| matches!(error, Error::Conflict(_))),
        (400, |error| matches!(error, Error::Refused { status: 400, .. })),
        (503, |error| matches!(error, Error::Refused { status: 503, .. })),
    ] {
        let fault = Misbehaviour::Status(status, "as it is".to_owned());
        fake.fault(EngineFault::on("POST", "containers/*/start", fault));
        let error = engine.start(&id).await.unwrap_err();
        assert!(is_class(&error) && error.to_string().contains("as it is"), "{error:?}");
    }
}

#[tokio::test]
async fn an_id_cannot_lead_elsewhere() {
    let (fake, engine) = started(Dialect::Docker28).await;
    for id in ["../../images", "a?b", "", "0123456789AB"] {
        let lists = json!([{"Id": id, "Names": ["/x"], "State": "running"}]).to_string();
        fake.fault(EngineFault::on("GET", "containers/json", Misbehaviour::Body(lists.into())));
        assert!(matches!(engine.containers(OwnerFilter::Everybody).await, Err(Error::Answer(_))));
        let made = json!({"Id": id}).to_string();
        fake.fault(EngineFault::on("POST", "containers/create", Misbehaviour::Body(made.into())));
        assert!(matches!(engine.create(&plain("train-1")).await, Err(Error::Answer(_))));
    }
}

// A crash between create and its answer: the container is found by whose it is, and adopted.
#[tokio::test]
async fn a_container_whose_answer_was_lost_is_found_again() {
    for dialect in Dialect::ALL {
        let (fake, engine) = started(dialect).await;
        let path = if dialect.is_podman() { "libpod/containers/create" } else { "containers/create" };
        fake.fault(EngineFault::on("POST", path, Misbehaviour::LoseAnswer));
        let error = engine.create(&plain("train-1")).await.unwrap_err();
        assert!(error.leaves_doubt(), "{dialect:?}: {error:?}");
        let ours = engine.containers(OwnerFilter::Of(&installation())).await.unwrap();
        assert_eq!((ours.len(), ours[0].owner.clone()), (1, Some(plain("train-1").owner)));
        assert!(matches!(engine.create(&plain("train-1")).await, Err(Error::Conflict(_))));
    }
}
