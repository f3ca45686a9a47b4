//! Pulls, in three dialects.

use std::collections::BTreeMap;

use entrepot_engine::{Engine, Error, LayerStep, LinkFault, PullAuth, PullError, PullEvent, PullStop};
use entrepot_oci::ImageRef;
use entrepot_testkit::{
    Gate,
    engine::{Dialect, EngineFault, Misbehaviour, PullableImage, Refusal},
    patiently,
};

use crate::common::started;

const WANTED: &str = "registry.example/team/big:1";

fn wanted() -> ImageRef {
    WANTED.parse().unwrap()
}

async fn events(engine: &Engine) -> Result<Vec<PullEvent>, PullStop> {
    let mut pull = engine.pull(&wanted(), None, None).await?;
    let mut events = Vec::new();
    while let Some(event) = pull.next().await? {
        events.push(event);
    }
    // Asked again, it says the same: it is over.
    assert_eq!(pull.next().await, Ok(None));
    assert_eq!(pull.next().await, Ok(None));
    Ok(events)
}

// Row 58.
#[tokio::test]
async fn every_dialect_tells_the_same_story() {
    for dialect in Dialect::ALL {
        let (fake, engine) = started(dialect).await;
        fake.offer(WANTED, PullableImage::of_layers(&[1000, 2000]));
        let events = events(&engine).await.unwrap();
        let mut layers: BTreeMap<String, (u64, Vec<LayerStep>)> = BTreeMap::new();
        for event in events {
            let PullEvent::Layer { id, step } = event else { continue };
            let (most, steps) = layers.entry(id).or_default();
            if let LayerStep::Downloading { current, total } = &step {
                assert!(current >= most && total.is_some_and(|total| *current <= total), "{dialect:?}");
                *most = *current;
            }
            steps.push(step);
        }
        let mut sizes: Vec<u64> = layers.values().map(|(most, _)| *most).filter(|most| *most > 0).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [1000, 2000], "{dialect:?}");
        let is_down = |steps: &Vec<LayerStep>| steps.contains(&LayerStep::Downloaded);
        assert!(layers.values().all(|(_, steps)| is_down(steps)), "{dialect:?}");
        let extracts = layers.values().any(|(_, steps)| steps.contains(&LayerStep::Extracting));
        assert_eq!(extracts, !dialect.is_podman(), "{dialect:?}");
        assert!(fake.has_image(WANTED));
        engine.image(&wanted()).await.unwrap();
    }
}

// What real engines said: row 58, and Podman's one line a second.
#[tokio::test]
async fn what_real_engines_said_is_understood() {
    for dialect in Dialect::ALL {
        let (fake, engine) = started(dialect).await;
        fake.offer(WANTED, PullableImage::recorded());
        let events = events(&engine).await.unwrap();
        for (layer, size) in Dialect::RECORDED_LAYERS {
            let steps = events.iter().filter_map(|event| match event {
                PullEvent::Layer { id, step } if id == layer => Some(step),
                _ => None,
            });
            let steps: Vec<&LayerStep> = steps.collect();
            let (mut most, mut is_down) = (0, false);
            for step in &steps {
                match step {
                    LayerStep::Downloading { current, total } => {
                        assert!(*current >= most && *current <= size, "{dialect:?} {layer}: {step:?}");
                        assert_eq!(*total, Some(size), "{dialect:?}");
                        most = *current;
                    }
                    LayerStep::Downloaded => is_down = true,
                    _ => {}
                }
            }
            // A layer that comes within a second is not told about in between.
            assert!((most > 0 || size < 5_000_000) && is_down, "{dialect:?} {layer}: {steps:?}");
            let ends = if dialect.is_podman() { LayerStep::Downloaded } else { LayerStep::Done };
            assert_eq!(steps.last(), Some(&&ends), "{dialect:?} {layer}");
        }
        let extracts =
            events.iter().any(|event| matches!(event, PullEvent::Layer { step: LayerStep::Extracting, .. }));
        assert_eq!(extracts, !dialect.is_podman(), "{dialect:?}");
    }
}

#[tokio::test]
async fn what_is_there_is_not_loaded_again() {
    for dialect in Dialect::ALL {
        let (fake, engine) = started(dialect).await;
        fake.offer(WANTED, PullableImage::of_layers(&[1000]));
        events(&engine).await.unwrap();
        let again = events(&engine).await.unwrap();
        let existed = |event: &PullEvent| matches!(event, PullEvent::Layer { step: LayerStep::Existed, .. });
        assert!(again.iter().any(existed), "{dialect:?}");
    }
}

#[tokio::test]
async fn one_image_is_asked_for_by_tag_or_digest() {
    let (fake, engine) = started(Dialect::Docker28).await;
    let digest = format!("sha256:{}", "ab".repeat(32));
    for (reference, tag) in [
        (format!("registry.example:5000/team/big@{digest}"), digest.as_str()),
        (format!("registry.example:5000/team/big:2@{digest}"), digest.as_str()),
        ("registry.example:5000/team/big:2".to_owned(), "2"),
        ("registry.example:5000/team/big".to_owned(), "latest"),
    ] {
        let platform = "linux/arm64".parse().unwrap();
        let pull = engine.pull(&reference.parse().unwrap(), Some(&platform), None).await;
        assert!(matches!(pull, Err(PullStop::Failed(_))));
        let call = fake.calls().pop().unwrap();
        assert_eq!(call.value("fromImage"), "registry.example:5000/team/big");
        assert_eq!((call.value("tag"), call.value("platform")), (tag, "linux/arm64"));
    }
}

// The header in the other alphabet is a pull as nobody, for every fifth password.
#[tokio::test]
async fn the_login_reaches_the_engine_whole() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE};
    let (fake, engine) = started(Dialect::Docker20).await;
    fake.offer(WANTED, PullableImage::of_layers(&[1]));
    let auth = PullAuth {
        host: "registry.example".parse().unwrap(),
        username: "robot".to_owned(),
        password: "abc>>>def~~~???".to_owned().into(),
    };
    engine.pull(&wanted(), None, Some(&auth)).await.unwrap();
    let call = fake.calls().pop().unwrap();
    let header = call.headers["x-registry-auth"].to_str().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&URL_SAFE.decode(header).unwrap()).unwrap();
    assert_eq!(json["password"], "abc>>>def~~~???");
}

#[tokio::test]
async fn every_refusal_is_classed_on_every_engine() {
    for dialect in Dialect::ALL {
        for refusal in Refusal::ALL {
            let (fake, engine) = started(dialect).await;
            fake.refuse(WANTED, refusal);
            let Err(PullStop::Failed(failure)) = events(&engine).await else {
                panic!("{dialect:?} {refusal:?}")
            };
            let expected = match refusal {
                Refusal::NotFound => PullError::NotFound,
                Refusal::Denied => PullError::Denied,
                Refusal::RateLimited => PullError::RateLimited,
                Refusal::Tls => PullError::Tls,
                Refusal::DiskFull => PullError::DiskFull,
                Refusal::Platform => PullError::Platform,
                Refusal::Registry => PullError::Registry,
                Refusal::Network => PullError::Network,
            };
            assert_eq!(failure.error, expected, "{dialect:?} {refusal:?}: {failure}");
        }
    }
}

// Row 55: nothing is said for a long time, and nobody gives up but the caller.
#[tokio::test]
async fn a_pull_waits_as_long_as_its_caller() {
    let (fake, engine) = started(Dialect::Podman5).await;
    let gate = Gate::new();
    fake.offer(WANTED, PullableImage::of_layers(&[1000, 2000]).held_at(&gate));
    let mut pull = engine.pull(&wanted(), None, None).await.unwrap();
    assert!(pull.next().await.unwrap().is_some());
    gate.reached(1).await;
    gate.open();
    while patiently("the rest", pull.next()).await.unwrap().is_some() {}
}

#[tokio::test]
async fn a_pull_that_is_cut_is_not_a_pull() {
    let (fake, engine) = started(Dialect::Docker28).await;
    fake.offer(WANTED, PullableImage::of_layers(&[1000, 2000]));
    fake.fault(EngineFault::on("POST", "images/create", Misbehaviour::CutAfter(200)));
    let stop = events(&engine).await.unwrap_err();
    assert_eq!(stop, PullStop::Engine(Error::Unreachable(LinkFault::Cut)));
}

#[tokio::test]
async fn a_line_without_an_end_is_an_error_and_no_memory() {
    let (fake, engine) = started(Dialect::Docker28).await;
    fake.fault(EngineFault::on("POST", "images/create", Misbehaviour::Endless));
    let stop = patiently("an end", events(&engine)).await.unwrap_err();
    assert_eq!(stop, PullStop::Engine(Error::Answer("a line is too long")));
    assert!(fake.sent() < 64 << 20, "{}", fake.sent());
}

#[tokio::test]
async fn events_before_an_error_are_told() {
    let (fake, engine) = started(Dialect::Docker28).await;
    let lines = concat!(
        r#"{"status":"Pulling fs layer","id":"a1"}"#,
        "\r\n",
        r#"{"errorDetail":{"message":"write /x: no space left on device"},"error":"x"}"#,
    );
    fake.fault(EngineFault::on("POST", "images/create", Misbehaviour::Body(lines.into())));
    let mut pull = engine.pull(&wanted(), None, None).await.unwrap();
    assert!(matches!(pull.next().await, Ok(Some(PullEvent::Layer { .. }))));
    let Err(PullStop::Failed(failure)) = pull.next().await else { panic!("no failure") };
    assert_eq!(failure.error, PullError::DiskFull);
    assert_eq!(pull.next().await, Ok(None));
}
