//! The end of an engine.

use std::process::Command;

use entrepot_engine::{Error, PullEvent, PullStop};
use entrepot_testkit::patiently;

use crate::setting::{Real, set};

// Nothing else can be tested with this engine afterwards.
#[tokio::test]
async fn an_engine_that_is_killed_in_the_middle_of_a_pull_is_unreachable() {
    let (Some(victim), Some(slow)) = (set("ENTREPOT_TEST_VICTIM"), set("ENTREPOT_TEST_SLOW")) else { return };
    let Some(real) = Real::find().await else { return };
    let image = format!("{slow}/lab/slow:1").parse().unwrap();
    let mut pull = real.engine.pull(&image, None, None).await.unwrap();
    while !matches!(patiently("a layer", pull.next()).await.unwrap(), Some(PullEvent::Layer { .. })) {}
    assert!(Command::new("kill").args(["-KILL", &victim]).status().unwrap().success());
    let stop = loop {
        match patiently("the end", pull.next()).await {
            Ok(event) => assert!(event.is_some(), "it is no success"),
            Err(stop) => break stop,
        }
    };
    assert!(matches!(stop, PullStop::Engine(Error::Unreachable(_))), "{stop:?}");
    assert_eq!(pull.next().await, Ok(None));
    assert!(matches!(real.engine.ping().await, Err(Error::Unreachable(_))));
}
