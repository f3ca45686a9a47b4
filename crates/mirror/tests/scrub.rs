//! What is held is hashed again: S08 of `docs/reference/faults.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::fs;

use bytes::Bytes;
use entrepot_mirror::{ScrubEnd, ScrubOutcome, ScrubReport};
use entrepot_oci::Digest;
use entrepot_testkit::{TestImage, s3::S3Server, until, until_answer};
use futures_util::stream;
use http::Method;
use support::{Rig, Stores};

const MIB: usize = 1 << 20;

async fn scrubbed(rig: &Rig) -> ScrubReport {
    rig.mirror.begin_scrub(Some(u64::MAX)).await.unwrap();
    let ended = || {
        let state = rig.mirror.scrub();
        state.last.filter(|_| state.running.is_none())
    };
    until("the scrub to end", ended).await
}

/// An image of so many layers, pulled and recorded.
async fn held(rig: &Rig, name: &str, layers: usize) -> TestImage {
    let image = TestImage::random(layers as u64, layers, MIB);
    rig.upstream.put_image(&format!("library/{name}"), "1", &image);
    rig.pull(name, "1", &image).await;
    let digests = image.blobs().len() as u64 + 1;
    let recorded = async || {
        let totals = rig.mirror.holdings().await.unwrap();
        (totals.blobs + totals.manifests >= digests).then_some(())
    };
    until_answer("the image to be recorded", recorded).await;
    image
}

/// What a disk does to a blob. Files of blobs cannot be written to by accident.
fn damage(rig: &Rig, digest: &Digest, how: impl FnOnce(&mut Vec<u8>)) {
    let file = rig.file(digest);
    let mut bytes = fs::read(&file).unwrap();
    how(&mut bytes);
    // Another file: a mapping of the old one must not change under whoever reads it.
    fs::remove_file(&file).unwrap();
    fs::write(&file, bytes).unwrap();
}

// S08
#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_damaged_is_found_and_fetched_again() {
    let rig = Rig::start().await;
    let image = held(&rig, "a", 6).await;
    let layers: Vec<_> = image.blobs().iter().filter(|(_, bytes)| bytes.len() == MIB).cloned().collect();
    assert_eq!(scrubbed(&rig).await.found, 0);

    damage(&rig, &layers[0].0, |bytes| bytes[MIB / 2] ^= 1);
    damage(&rig, &layers[1].0, |bytes| bytes.truncate(10));
    damage(&rig, &layers[2].0, Vec::clear);
    // Two that are swapped.
    let (third, fourth) = (layers[3].clone(), layers[4].clone());
    damage(&rig, &third.0, |bytes| *bytes = fourth.1.to_vec());
    damage(&rig, &fourth.0, |bytes| *bytes = third.1.to_vec());
    rig.lose(&layers[5].0);
    damage(&rig, image.digest(), |bytes| bytes[3] ^= 8);

    let report = scrubbed(&rig).await;
    assert_eq!((report.end, report.found), (ScrubEnd::Done, 7));
    for finding in &report.findings {
        assert_eq!(finding.outcome, ScrubOutcome::Restored, "{finding:?}");
        assert_eq!(finding.was_damaged, finding.digest != layers[5].0);
        assert!(finding.images.is_empty());
    }
    assert_eq!(fs::read_dir(rig.data.join("damaged")).unwrap().count(), 6);
    assert_eq!(scrubbed(&rig).await.found, 0);
    rig.upstream.clear_log();
    rig.pull("a", "1", &image).await;
    assert_eq!(rig.upstream.log().count(Method::GET, "/v2/library"), 0);
}

// Row 71
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_else_has_is_named() {
    let rig = Rig::start().await;
    let image = held(&rig, "a", 1).await;
    let lost = image.blobs().iter().find(|(_, bytes)| bytes.len() == MIB).unwrap().0;
    let pushed = Bytes::from_static(b"pushed here");
    let hosted = Digest::of(&pushed);
    rig.mirror.push_blob(&rig.target("local/app"), &hosted, stream::iter([Ok(pushed)])).await.unwrap();
    rig.upstream.delete_blob("library/a", &lost);
    damage(&rig, &lost, |bytes| bytes[0] ^= 1);
    damage(&rig, &hosted, |bytes| bytes[0] ^= 1);

    let report = scrubbed(&rig).await;
    let told = |digest: &Digest| {
        let finding = report.findings.iter().find(|finding| finding.digest == *digest).unwrap();
        (finding.outcome, finding.images.join(" "))
    };
    assert_eq!(report.found, 2);
    assert_eq!(told(&lost), (ScrubOutcome::Lost, "docker.io/library/a:1".to_owned()));
    assert_eq!(told(&hosted), (ScrubOutcome::PushAgain, format!("local/app@{hosted}")));
    assert!(
        rig.mirror.blob(&rig.target("local/app"), &hosted).await.is_err(),
        "damaged bytes are not served"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_does_not_answer_loses_nothing() {
    let rig = Rig::start().await;
    let image = held(&rig, "a", 1).await;
    let layer = image.blobs().iter().find(|(_, bytes)| bytes.len() == MIB).unwrap().clone();
    damage(&rig, &layer.0, |bytes| bytes[0] ^= 1);
    rig.upstream.stop().await;
    let report = scrubbed(&rig).await;
    assert_eq!(report.findings[0].outcome, ScrubOutcome::Later);
    assert_eq!(report.findings[0].images, ["docker.io/library/a:1"]);
    rig.upstream.restart().await;
    assert_eq!(rig.blob_in_the_end("a", &layer.0).await, layer.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_hashed_too() {
    let server = S3Server::start().await;
    let (rig, _catalog) = Rig::with_stores(&Stores::on(&server, false)).await;
    let image = held(&rig, "a", 2).await;
    let layer = image.blobs().iter().find(|(_, bytes)| bytes.len() == MIB).unwrap().clone();
    let hex = layer.0.hex();
    let object = server.object(&format!("sha256/{}/{hex}", &hex[..2]));
    let mut bytes = fs::read(&object).unwrap();
    bytes[MIB / 2] ^= 1;
    fs::write(&object, bytes).unwrap();
    let report = scrubbed(&rig).await;
    assert_eq!((report.end, report.found), (ScrubEnd::Done, 1));
    assert_eq!((report.findings[0].digest, report.findings[0].outcome), (layer.0, ScrubOutcome::Restored));
    let fixed = || fs::read(&object).ok().filter(|bytes| *bytes == layer.1).map(drop);
    until("the object to be right again", fixed).await;
    assert_eq!(scrubbed(&rig).await.found, 0);
}

// A store that is not there is not a store that has lost everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_ends_it_and_changes_nothing() {
    let rig = Rig::start().await;
    let image = held(&rig, "a", 1).await;
    let blobs = rig.data.join("blobs");
    fs::rename(&blobs, rig.data.join("away")).unwrap();
    let report = scrubbed(&rig).await;
    assert!(matches!(report.end, ScrubEnd::Failed(_)), "{report:?}");
    assert_eq!(report.found, 0);
    fs::rename(rig.data.join("away"), &blobs).unwrap();
    let up = async || rig.mirror.ready().await.ok();
    until_answer("the store to be back", up).await;
    assert_eq!(scrubbed(&rig).await.found, 0);
    rig.pull("a", "1", &image).await;
}
